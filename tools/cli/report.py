"""Tables of numbers for the terminal, notes on stderr, and the same as JSON."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ...initializers import Row

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
IN_SHORT = ('output_mean', 'output_std', 'weight_std', 'change_rate', 'change_rate_cv')
LEGEND = (
    'mean, std: of the outputs. W std: of the weights. rate: relative change of the weights under a random '
    'loss. cv: coefficient of variation, the standard deviation over the mean.'
)


def number(value: float | None) -> str:
    """Three digits or so in at most seven characters; '-' for what could not be measured."""
    if value is None or math.isnan(value):
        return '-'
    if value == 0 or 1e-3 <= abs(value) < 1e5 or math.isinf(value):
        return f'{value:.0f}' if 1000 <= abs(value) < 1e5 else f'{value:.3g}'
    mantissa, exponent = f'{value:.1e}'.split('e')
    return f'{mantissa}e{int(exponent)}'


def amount(value: float, unit: str = '') -> str:
    """A count in short: 431080 -> '431 k'."""
    for factor, prefix in ((1e12, 'T'), (1e9, 'G'), (1e6, 'M'), (1e3, 'k')):
        if value >= factor:
            return f'{value / factor:.3g} {prefix}{unit}'
    return f'{value:g} {unit}'.strip()


def table(rows: Sequence[Sequence[str]], left: Iterable[int] = (0,), gap: str = '  ') -> str:
    """Rows of cells as aligned columns: those in `left` to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    kept = set(left)
    lines = (
        gap.join(
            cell.ljust(width) if i in kept else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return '\n'.join(line.rstrip() for line in lines)


def before_and_after(before: Sequence[Row], after: Sequence[Row]) -> str:
    """One line per layer: what it was on the left, what it became on the right."""
    headings = [HEADINGS[name] for name in IN_SHORT]
    cells = [['layer', *headings, '|', *headings]]
    for old, new in zip(before, after, strict=True):
        cells.append([old.layer, *short(old), '|', *short(new)])
    text = table(cells)
    bar = text.index('|')
    return f'{"before".rjust(bar - 1)} | after\n{text}'


def short(row: Row) -> list[str]:
    return [number(getattr(row, name)) for name in IN_SHORT]


def statistics(rows: Sequence[Row]) -> str:
    """One line per layer with every measure."""
    cells = [['layer', 'type', *HEADINGS.values()]]
    cells += [
        [row.layer, row.type, *(number(getattr(row, name)) for name in HEADINGS)] for row in rows
    ]
    return table(cells, left=(0, 1))


def spread(rows: Sequence[Row]) -> float:
    """The greatest change rate over the smallest; NaN where not two of them are known."""
    rates = [row.change_rate for row in rows if row.change_rate is not None and row.change_rate > 0]
    return max(rates) / min(rates) if len(rates) > 1 else math.nan


def measures(row: Row) -> dict[str, float | None]:
    """A row's measures for JSON, which has no NaN."""
    values = {name: getattr(row, name) for name in HEADINGS}
    return {
        name: None if value is None or not math.isfinite(value) else float(value)
        for name, value in values.items()
    }


def finite(value: Any) -> float | None:
    """A number for JSON, which has neither NaN nor infinity."""
    return float(value) if value is not None and math.isfinite(value) else None


def gathered(notes: Iterable[str]) -> list[str]:
    """Notes that say the same of several layers, as one each."""
    layers: dict[str, list[str]] = {}
    for note in notes:
        found = re.match(r"layer '([^']*)': (.*)", note, re.DOTALL)
        layers.setdefault(found[2] if found else note, []).append(found[1] if found else '')
    return [_gathered(text, names) for text, names in layers.items()]


def _gathered(text: str, names: list[str]) -> str:
    if names == [''] * len(names):
        return text
    if len(names) == 1:
        return f"layer '{names[0]}': {text}"
    listed = ', '.join(names if len(names) <= 4 else [*names[:3], '...', names[-1]])
    return f'{len(names)} layers ({listed}): {text}'
