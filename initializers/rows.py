"""The measures of a net's layers together: a list that shows as a table."""

import math
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
OPTIONAL = {  # if known anywhere
    'saturated': 'saturated',
    'predicted_std': 'predicted',
    'gradient_quotient': 'grad quot',
}


class Rows(list[Row]):
    """A Row for each layer, in the net's order; printed, or at the end of a notebook's cell, they
    are a table."""

    def table(self) -> Table:
        layers = '1 layer' if len(self) == 1 else f'{len(self)} layers'
        ratio = f'greatest change rate over the smallest: {number(spread(self))}'
        return Table(f'{layers}, measured', cells_of(self), [ratio], left=(0, 1))

    def __repr__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table().html()


def cells_of(rows: Sequence[Row]) -> list[list[str]]:
    """The headings, and a line for each layer with every measure."""
    headings = HEADINGS | known(rows)
    cells = [['layer', 'type', *headings.values()]]
    for row in rows:
        numbers = [number(getattr(row, name)) for name in headings]
        cells.append([row.layer, row.type, *numbers])
    return cells


def known(rows: Sequence[Row]) -> dict[str, str]:
    """The headings of the optional measures that at least one row has."""
    found = {}
    for name, heading in OPTIONAL.items():
        if any(math.isfinite(getattr(row, name)) for row in rows):
            found[name] = heading
    return found


def statistics(rows: Sequence[Row]) -> str:
    """A line for each layer with every measure."""
    return aligned(cells_of(rows), left=(0, 1))


def spread(rows: Sequence[Row]) -> float:
    """The greatest change rate over the smallest; NaN unless two of them are known."""
    rates = [row.change_rate for row in rows if row.change_rate is not None and row.change_rate > 0]
    return max(rates) / min(rates) if len(rates) > 1 else math.nan
