"""Pictures of a convolution's filters, and of what layers make of images.

One scale, the same on both sides of 0, for all tiles of a picture, with a color bar: red is above
0, blue below, white 0. Filters over three channels are in color, where gray is 0.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ...netlib import Net
from ...netlib.errors import NetError, did_you_mean, import_extra
from ...netlib.layers import Layer
from ...netlib.shapes import dimensions
from .figures import DPI
from .tiles import Sheet, image_of, sheet_of_channels, sheet_of_filters

SIDE = 5.5  # inches of a sheet of tiles
IMAGE = 2.0  # inches of the image beside it
GAP_COLOR = '#CCCCCC'
COLORS = 'RdBu_r'
GRAYS = 'gray'
CONVOLVING = ('Convolution', 'Deconvolution', 'DepthwiseConvolution')


def first_convolution(net: Net) -> Layer:
    """The first Convolution layer with filters of two dimensions. Raises NetError."""
    for layer in net.layers:
        if layer.type == 'Convolution' and layer.params[0].axes == 4:
            return layer
    raise NetError(f"net '{net.name}' has no convolution, so there are no filters to draw")


def layer_of_filters(net: Net, name: str) -> Layer:
    """The layer of this name, whose filters can be drawn. Raises NetError."""
    layer = named_layer(net, name)
    if layer.type not in CONVOLVING or layer.params[0].axes != 4:
        drawable = [each.name for each in net.layers if each.type in CONVOLVING]
        raise NetError(
            f"layer '{name}' ({layer.type}) has no filters of two dimensions to draw "
            f'(those that have: {", ".join(drawable) or "none"})'
        )
    return layer


def named_layer(net: Net, name: str) -> Layer:
    """Raises NetError for a name that no layer has."""
    for layer in net.layers:
        if layer.name == name:
            return layer
    names = [layer.name for layer in net.layers]
    raise NetError(f"net '{net.name}' has no layer '{name}'{did_you_mean(name, names)}")


def about_filters(layer: Layer) -> str:
    """What a picture of its filters shows, in a line."""
    count, *shape = layer.params[0].shape
    text = f"the {count} filters of '{layer.name}', {dimensions(shape)} each"
    if shape[0] == 3:
        return f'{text}, their channels as blue, green, red; gray is 0'
    return f'{text}; red is above 0, blue below, white 0'


# -- figures


def filter_figure(name: str, weights: ndarray, when: str = '') -> Any:
    """The figure of filters (N, C, H, W)."""
    count, *shape = weights.shape
    sheet = sheet_of_filters(weights)
    title = f'{name}: {count} filters of {dimensions(shape)}{when}'
    figure, axes = sheet_axes([1.0])
    draw_sheet(figure, axes[0], sheet, title, 'weight')
    return figure


def activation_figure(name: str, image: ndarray, values: ndarray) -> Any:
    """The figure of what a layer makes of an image: (C, H, W) each."""
    sheet = sheet_of_channels(values)
    title = f'{name}: {dimensions(values.shape)}'
    figure, axes = sheet_axes([IMAGE / SIDE, 1.0])
    axes[0].imshow(image_of(image), cmap=GRAYS, interpolation='nearest')
    axes[0].set_title('image', fontsize='medium')
    axes[0].set_axis_off()
    draw_sheet(figure, axes[1], sheet, title, 'activation')
    return figure


def sheet_axes(widths: Sequence[float]) -> tuple[Any, list]:
    """A figure with axes beside each other, of these widths in units of SIDE."""
    matplotlib_figure = import_extra('matplotlib.figure', 'plot')
    size = (SIDE * sum(widths) + 1, SIDE)
    figure = matplotlib_figure.Figure(figsize=size, dpi=DPI, layout='constrained')
    grid = figure.subplots(1, len(widths), squeeze=False, width_ratios=widths)
    return figure, list(grid[0])


def draw_sheet(figure: Any, axes: Any, sheet: Sheet, title: str, unit: str) -> None:
    """The tiles, their title, and the bar of their scale."""
    matplotlib: Any = import_extra('matplotlib', 'plot')
    cm: Any = import_extra('matplotlib.cm', 'plot')
    colors: Any = import_extra('matplotlib.colors', 'plot')
    scale = colors.Normalize(-sheet.reach, sheet.reach)
    palette = matplotlib.colormaps[GRAYS if sheet.in_color else COLORS]
    palette = palette.with_extremes(bad=GAP_COLOR)
    if sheet.in_color:
        axes.imshow(sheet.pixels, interpolation='nearest')
    else:
        pixels = np.ma.masked_invalid(sheet.pixels)
        axes.imshow(pixels, cmap=palette, norm=scale, interpolation='nearest')
    axes.set_axis_off()
    if sheet.left_out:
        title += f'\n{sheet.left_out}'
    axes.set_title(title, fontsize='medium')
    label = f'{unit}, of each color' if sheet.in_color else unit
    bar = figure.colorbar(cm.ScalarMappable(scale, palette), ax=axes, shrink=0.7)
    bar.set_label(label)
