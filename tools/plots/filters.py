"""A picture of the filters of a net's first convolution."""

import io
from math import ceil, sqrt
from pathlib import Path

import numpy as np

from ...netlib import Net
from ...netlib.errors import NetError
from ...netlib.layers import Layer
from ...proto import atomic_write

WIDTH = 640  # pixels: the picture's width, or a little less, where filters are smaller
GAP = 1  # pixels of a filter between two of them


def save_filters(net: Net, path: str | Path) -> None:
    """Write the first convolution's filters as tiles of a PNG, each stretched to the full range of
    gray or color.

    The channels of filters with 3 are taken for blue, green, red. Raises NetError for a net without
    a convolution, ProtoError where the file cannot be written.
    """
    from PIL import Image

    convolution = first_convolution(net)
    pixels = enlarged(tiled(convolution.params[0].data))
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, 'PNG')
    with atomic_write(path) as file:
        file.write(png.getvalue())


def first_convolution(net: Net) -> Layer:
    """The first Convolution layer with filters of two dimensions. Raises NetError."""
    for layer in net.layers:
        if layer.type == 'Convolution' and layer.params[0].axes == 4:
            return layer
    raise NetError(f"net '{net.name}' has no convolution, so there are no filters to draw")


def tiled(weights: np.ndarray) -> np.ndarray:
    """Filters (N, C, H, W) side by side in a near-square: uint8 (height, width, 3)."""
    count, _, height, width = weights.shape
    columns = ceil(sqrt(count))
    rows = ceil(count / columns)
    height += GAP
    width += GAP
    tiles = np.ones((rows * columns, 3, height, width))
    filters = stretched(in_color(weights))
    tiles[:count, :, :-GAP, :-GAP] = filters
    grid = tiles.reshape(rows, columns, 3, height, width)
    sheet = grid.transpose(0, 3, 1, 4, 2).reshape(rows * height, columns * width, 3)
    pixels = 255 * sheet[:-GAP, :-GAP]
    return np.rint(pixels).astype(np.uint8)


def in_color(weights: np.ndarray) -> np.ndarray:
    """Filters (N, C, H, W) as (N, 3, H, W), red, green, blue: gray, the mean over the channels,
    unless there are 3."""
    if weights.shape[1] == 3:
        return weights[:, ::-1]
    return np.repeat(weights.mean(axis=1, keepdims=True), 3, axis=1)


def stretched(filters: np.ndarray) -> np.ndarray:
    """Each filter from 0 to 1; a constant one is 0.5."""
    low = filters.min(axis=(1, 2, 3), keepdims=True)
    span = filters.max(axis=(1, 2, 3), keepdims=True) - low
    varies = span > 0
    return np.where(varies, (filters - low) / np.where(varies, span, 1), 0.5)


def enlarged(pixels: np.ndarray) -> np.ndarray:
    """Each pixel as a square of several, unless the picture is wide enough."""
    factor = max(WIDTH // pixels.shape[1], 1)
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)
