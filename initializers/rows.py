"""The measures of a net's layers together: a list that shows as a table."""

from collections.abc import Sequence

from ..netlib.tables import Table, aligned, number
from .measures import Row

# A measure's name in a Row, and its heading in a table.
HEADINGS = {
    'output_mean': 'mean',
    'output_std': 'std',
    'output_cv': 'std cv',
    'dead': 'dead',
    'weight_std': 'W std',
    'change_rate': 'rate',
    'change_rate_cv': 'rate cv',
    'gradient_var': 'grad var',
    'mean_to_std': 'mean/std',
}


class Rows(list[Row]):
    """A Row for each layer, in the net's order; printed, or at the end of a notebook's cell, they
    are a table."""

    def table(self) -> Table:
        title = f'{len(self)} layers, measured'
        return Table(title, cells_of(self), left=(0, 1))

    def __repr__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table().html()


def cells_of(rows: Sequence[Row]) -> list[list[str]]:
    """The headings, and a line for each layer with every measure."""
    cells = [['layer', 'type', *HEADINGS.values()]]
    for row in rows:
        numbers = [number(getattr(row, name)) for name in HEADINGS]
        cells.append([row.layer, row.type, *numbers])
    return cells


def statistics(rows: Sequence[Row]) -> str:
    """A line for each layer with every measure."""
    return aligned(cells_of(rows), left=(0, 1))
