"""Tables of text: aligned for a terminal, and as HTML for a notebook."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

Cells = Sequence[Sequence[str]]


@dataclass
class Table:
    """A title, rows of cells, the first of which are the headings, and lines below.

    left: the columns that are aligned to the left.
    """

    title: str
    rows: list[list[str]]
    below: list[str] = field(default_factory=list)
    left: tuple[int, ...] = (0,)

    def __str__(self) -> str:
        return '\n'.join([self.title, aligned(self.rows, self.left), *self.below])

    def html(self) -> str:
        """For a notebook."""
        head, *body = self.rows
        lines = [f'<p>{escape(self.title)}</p><table>', _html_row('th', head)]
        lines += [_html_row('td', row) for row in body]
        lines.append('</table>')
        lines += [f'<p>{escape(line)}</p>' for line in self.below]
        return '\n'.join(lines)


def _html_row(tag: str, row: Sequence[str]) -> str:
    cells = ''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in row)
    return f'<tr>{cells}</tr>'


def aligned(rows: Cells, left: Iterable[int] = (0,), gap: str = '  ') -> str:
    """Rows of cells as aligned columns: those in `left` to the left, all others to the right."""
    kept = set(left)
    columns = []
    for i, column in enumerate(zip(*rows, strict=True)):
        width = max(map(len, column))
        columns.append([_aligned(cell, width, i in kept) for cell in column])
    return '\n'.join(gap.join(cells).rstrip() for cells in zip(*columns, strict=True))


def _aligned(cell: str, width: int, left: bool) -> str:
    return cell.ljust(width) if left else cell.rjust(width)


def number(value: float | None) -> str:
    """About three digits in at most seven characters; '-' for what could not be measured."""
    if value is None or math.isnan(value):
        return '-'
    size = abs(value)
    if 1000 <= size < 1e5:
        return f'{value:.0f}'
    if value == 0 or 1e-3 <= size < 1000 or math.isinf(value):
        return f'{value:.3g}'
    mantissa, exponent = f'{value:.1e}'.split('e')
    return f'{mantissa}e{int(exponent)}'
