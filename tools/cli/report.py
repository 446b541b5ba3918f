"""Tables of numbers for the terminal, and the same as JSON."""

import math
from collections.abc import Sequence
from typing import Any

from ...feeding.fed_net import FedNet
from ...initializers import Row
from ...initializers.rows import HEADINGS, spread, statistics
from ...initializers.wording import gathered
from ...netlib.tables import aligned as table
from ...netlib.tables import number

IN_SHORT = ('output_mean', 'output_std', 'weight_std', 'change_rate', 'change_rate_cv')
LEGEND = (
    'mean, std: of the outputs. W std: of the weights. rate: relative change of the weights under '
    'a random loss. cv: coefficient of variation, the standard deviation over the mean.'
)
__all__ = [
    'HEADINGS',
    'about',
    'amount',
    'before_and_after',
    'finite',
    'gathered',
    'measures',
    'number',
    'spread',
    'statistics',
    'table',
]
PREFIXES = ((1e12, 'T'), (1e9, 'G'), (1e6, 'M'), (1e3, 'k'))


def amount(value: float, unit: str = '') -> str:
    """A count in short: 431080 -> '431 k'."""
    for factor, prefix in PREFIXES:
        if value >= factor:
            return f'{value / factor:.3g} {prefix}{unit}'
    return f'{value:g} {unit}'.strip()


def before_and_after(before: Sequence[Row], after: Sequence[Row]) -> str:
    """A line for each layer: what it was on the left, what it became on the right."""
    headings = [HEADINGS[name] for name in IN_SHORT]
    cells = [['layer', *headings, '|', *headings]]
    for old, new in zip(before, after, strict=True):
        cells.append([old.layer, *short(old), '|', *short(new)])
    text = table(cells)
    bar = text.index('|')
    return f'{"before".rjust(bar - 1)} | after\n{text}'


def short(row: Row) -> list[str]:
    return [number(getattr(row, name)) for name in IN_SHORT]


def about(fed: FedNet) -> dict[str, Any]:
    """For JSON: what is measured, and on what."""
    return {
        'proto': str(fed.file.path),
        'data': fed.data.describe,
        'samples': fed.data.samples,
        'inputs': fed.data.statistics,
        'seed': fed.seed,
    }


def measures(row: Row) -> dict[str, float | None]:
    """A row's measures for JSON."""
    return {name: finite(getattr(row, name)) for name in HEADINGS}


def finite(value: Any) -> float | None:
    """A number for JSON, which has neither NaN nor infinity."""
    if value is None or not math.isfinite(value):
        return None
    return float(value)
