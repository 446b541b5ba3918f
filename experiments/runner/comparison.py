"""Measured beside printed: tables of both, and whether order, sign and magnitude agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

Figure = float | None  # None: failed to converge, 'n/c' in the papers
Figures = Mapping[str, Figure]  # of a column, by row
Table = Mapping[str, Figures]  # by column


@dataclass(frozen=True)
class Agreement:
    """How many of all things compared agree: pairs of figures of a column in their order, figures
    in their sign, figures in their magnitude."""

    order: tuple[int, int]
    sign: tuple[int, int]
    magnitude: tuple[int, int]
    within: float

    def __str__(self) -> str:
        said = {
            'order': f'{counted(self.order)} pairs in the printed order',
            'sign': f'{counted(self.sign)} as printed',
            'magnitude': f'{counted(self.magnitude)} within {self.within:.0%}',
        }
        return '; '.join(f'{name}: {text}' for name, text in said.items()) + '.'


def counted(share: tuple[int, int]) -> str:
    agreeing, compared = share
    return f'{agreeing} of {compared}'


def agreement(measured: Table, printed: Table, within: float) -> Agreement:
    """Compares the figures that are in both tables, column by column.

    A net that failed to converge is below all others; its magnitude agrees with one that failed
    too. `within`: by which share of what is printed a magnitude may differ.
    """
    orders: list[bool] = []
    signs: list[bool] = []
    sizes: list[bool] = []
    for column, figures in printed.items():
        ours = measured.get(column, {})
        rows = [row for row in figures if row in ours]
        for row in rows:
            signs.append(sign(ours[row]) == sign(figures[row]))
            sizes.append(is_near(ours[row], figures[row], within))
        for one, other in combinations(rows, 2):
            theirs = rank(figures[one], figures[other])
            if theirs:
                orders.append(rank(ours[one], ours[other]) == theirs)
    return Agreement(share(orders), share(signs), share(sizes), within)


def share(agreeing: Sequence[bool]) -> tuple[int, int]:
    return sum(agreeing), len(agreeing)


def sign(figure: Figure) -> int:
    return 0 if figure is None else (figure > 0) - (figure < 0)


def rank(one: Figure, other: Figure) -> int:
    """1 if the first figure is the greater, -1 if the second is, 0 if neither."""
    first = float('-inf') if one is None else one
    second = float('-inf') if other is None else other
    return (first > second) - (first < second)


def is_near(measured: Figure, printed: Figure, within: float) -> bool:
    if measured is None or printed is None:
        return measured is printed
    return abs(measured - printed) <= within * abs(printed)


def side_by_side(
    measured: Table, printed: Table, show: Callable[[float], str] = '{:.3g}'.format, corner=''
) -> str:
    """A table in Markdown: measured figures, in brackets what is printed.

    Rows and columns are the printed ones and those that are measured besides.
    """
    columns = list({**printed, **measured})
    rows = {row: None for table in (printed, measured) for col in table.values() for row in col}
    lines = []
    for row in rows:
        cells = [row]
        for column in columns:
            ours, theirs = (table.get(column, {}) for table in (measured, printed))
            cells.append(pair(ours, theirs, row, show))
        lines.append(cells)
    return markdown([corner, *columns], lines)


def pair(ours: Figures, theirs: Figures, row: str, show: Callable[[float], str]) -> str:
    """'0.42 (0.4)'; '–' for a figure that is not there."""
    shown = figure_text(ours, row, show)
    return f'{shown} ({figure_text(theirs, row, show)})' if row in theirs else shown


def figure_text(figures: Figures, row: str, show: Callable[[float], str]) -> str:
    if row not in figures:
        return '–'
    figure = figures[row]
    return 'n/c' if figure is None else show(figure)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the first column to the left, the others to the right."""
    ruler = ['---'] + ['---:'] * (len(head) - 1)
    lines = []
    for cells in [head, ruler, *rows]:
        joined = ' | '.join(cells)
        lines.append(f'| {joined} |')
    return '\n'.join(lines)
