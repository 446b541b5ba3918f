"""Pictures of curves over a common axis: panels one below the other, their look, and the file they
go to."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from io import BytesIO
from math import sqrt
from pathlib import Path
from typing import Any

from ...netlib.errors import import_extra
from ...proto import atomic_write

# Okabe and Ito's colours, which the colour-blind tell apart too; those that are legible on white
# come first.
COLOURS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000')
FORMATS = ('.png', '.svg', '.pdf')
WIDTH, DPI = 9, 100  # inches, and a PNG's pixels per inch
ROOM, GAP = 110, 8  # characters beside each other in a legend, and those that an entry's line takes
GRID = '#DDDDDD'


def picture(text: str) -> str:
    """A type of paths whose suffix names a format."""
    if Path(text).suffix.lower() not in FORMATS:
        raise argparse.ArgumentTypeError(
            f"found '{text}', needed: a path that ends in {', '.join(FORMATS)}"
        )
    return text


def panels(heights: Sequence[float], x_label: str) -> tuple[Any, list]:
    """A figure with an axes for each height (inches), from the top; the lowest has the label of the
    common axis."""
    figure = import_extra('matplotlib.figure', 'plot').Figure(
        figsize=(WIDTH, sum(heights) + 1), dpi=DPI, layout='constrained'
    )
    axes = list(
        figure.subplots(len(heights), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    )
    for panel in axes:
        panel.grid(color=GRID, linewidth=0.8)
        panel.set_axisbelow(True)
        panel.spines[['top', 'right']].set_visible(False)
    axes[-1].set_xlabel(x_label)
    axes[-1].xaxis.get_major_locator().set_params(integer=True)
    figure.align_ylabels(axes)
    return figure, axes


def logarithmic(panel: Any) -> None:
    """Make the y axis logarithmic. Less than a decade is shown with a decade above and below: its
    labels are few."""
    low, high = panel.dataLim.intervaly
    panel.set_yscale('log')
    if 0 < low <= high < 10 * low:
        middle = sqrt(low * high)
        panel.set_ylim(middle / 10, middle * 10)


def legend_above(figure: Any, handles: Sequence[Any], title: str) -> None:
    """One legend for all panels, below the title, in as many columns as there is room for."""
    longest = max(len(handle.get_label()) for handle in handles)
    figure.legend(
        handles=handles,
        loc='outside upper center',
        ncols=max(min(len(handles), ROOM // (longest + GAP)), 1),
        frameon=False,
        title=title,
        title_fontsize='large',
    )


def save(figure: Any, path: str | Path) -> None:
    """Write the figure in the format that the suffix names; a reader sees the old file or the new
    one. Raises ProtoError where it cannot be written."""
    made = BytesIO()
    figure.savefig(made, format=Path(path).suffix.lower()[1:])
    with atomic_write(path) as file:
        file.write(made.getbuffer())


def by_depth(count: int) -> list:
    """So many colours in an order that is seen, from the dark to the light."""
    return [
        import_extra('matplotlib', 'plot').colormaps['viridis'](0.9 * i / max(count - 1, 1))
        for i in range(count)
    ]
