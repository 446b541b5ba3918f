"""Pictures of curves over a common axis: panels below each other, their look, and the file that
they are written to."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from io import BytesIO
from math import sqrt
from pathlib import Path
from typing import Any

from ...netlib.errors import import_extra
from ...proto import atomic_write

# Okabe and Ito's colors, which the color-blind tell apart too; the most legible on white first.
COLORS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000')
DASHES = ('-', '--', ':', '-.')
FORMATS = ('.png', '.svg', '.pdf')
WIDTH = 9  # inches
DPI = 100  # a PNG's pixels per inch
ROOM = 110  # characters that fit beside each other in a legend
SAMPLE = 8  # characters that the sample of an entry's line takes
GRID = '#DDDDDD'


def picture(text: str) -> str:
    """A type of paths whose suffix names a format."""
    if Path(text).suffix.lower() not in FORMATS:
        raise argparse.ArgumentTypeError(
            f"found '{text}', needed: a path that ends in {', '.join(FORMATS)}"
        )
    return text


def look(i: int) -> dict[str, str]:
    """The color and dashes of curve number i: solid lines in all colors, then dashed ones, ..."""
    dashes, color = divmod(i, len(COLORS))
    return {'color': COLORS[color], 'linestyle': DASHES[dashes % len(DASHES)]}


def by_depth(count: int) -> list:
    """Colors whose order is visible, from dark to light."""
    viridis = import_extra('matplotlib', 'plot').colormaps['viridis']
    last = max(count - 1, 1)
    return [viridis(0.9 * i / last) for i in range(count)]


def panels(heights: Sequence[float], x_label: str) -> tuple[Any, list]:
    """A figure with an axes for each height (inches), from the top; the lowest has the label of the
    common axis."""
    matplotlib_figure = import_extra('matplotlib.figure', 'plot')
    size = (WIDTH, sum(heights) + 1)
    figure = matplotlib_figure.Figure(figsize=size, dpi=DPI, layout='constrained')
    grid = figure.subplots(len(heights), sharex=True, squeeze=False, height_ratios=heights)
    axes = list(grid[:, 0])
    for panel in axes:
        panel.grid(color=GRID, linewidth=0.8)
        panel.set_axisbelow(True)
        panel.spines[['top', 'right']].set_visible(False)
    axes[-1].set_xlabel(x_label)
    axes[-1].xaxis.get_major_locator().set_params(integer=True)
    figure.align_ylabels(axes)
    return figure, axes


def logarithmic(panel: Any) -> None:
    """Make the y axis logarithmic. Values within a decade get a decade above and below them, for
    there would be few labels."""
    low, high = panel.dataLim.intervaly
    panel.set_yscale('log')
    if 0 < low <= high < 10 * low:
        middle = sqrt(low * high)
        panel.set_ylim(middle / 10, middle * 10)


def legend_above(figure: Any, handles: Sequence[Any], title: str) -> None:
    """One legend for all panels, below the title, in as many columns as there is room for."""
    longest = max(len(handle.get_label()) for handle in handles)
    columns = min(len(handles), ROOM // (longest + SAMPLE))
    figure.legend(
        handles=handles,
        loc='outside upper center',
        ncols=max(columns, 1),
        frameon=False,
        title=title,
        title_fontsize='large',
    )


def in_palette(png: bytes) -> bytes:
    """A PNG with at most 256 colors, which takes a fraction of the bytes."""
    from PIL import Image

    made = BytesIO()
    Image.open(BytesIO(png)).convert('RGB').quantize(256).save(made, 'PNG', optimize=True)
    return made.getvalue()


def save(figure: Any, path: str | Path) -> None:
    """Write the figure in the format that the suffix names; a reader sees the old file or the new
    one. Raises ProtoError where it cannot be written."""
    made = BytesIO()
    figure.savefig(made, format=Path(path).suffix.lower()[1:])
    with atomic_write(path) as file:
        file.write(made.getbuffer())
