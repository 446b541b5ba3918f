"""Tables of numbers for the terminal, and the same as JSON."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ...feeding.fed_net import FedNet
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
OPTIONAL = {'predicted_std': 'predicted', 'gradient_quotient': 'grad quot'}  # if known anywhere
IN_SHORT = ('output_mean', 'output_std', 'weight_std', 'change_rate', 'change_rate_cv')
LEGEND = (
    'mean, std: of the outputs. W std: of the weights. rate: relative change of the weights under '
    'a random loss. cv: coefficient of variation, the standard deviation over the mean.'
)
PREFIXES = ((1e12, 'T'), (1e9, 'G'), (1e6, 'M'), (1e3, 'k'))


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


def amount(value: float, unit: str = '') -> str:
    """A count in short: 431080 -> '431 k'."""
    for factor, prefix in PREFIXES:
        if value >= factor:
            return f'{value / factor:.3g} {prefix}{unit}'
    return f'{value:g} {unit}'.strip()


def table(rows: Sequence[Sequence[str]], left: Iterable[int] = (0,), gap: str = '  ') -> str:
    """Rows of cells as aligned columns: those in `left` to the left, all others to the right."""
    kept = set(left)
    columns = []
    for i, column in enumerate(zip(*rows, strict=True)):
        width = max(map(len, column))
        columns.append([_aligned(cell, width, i in kept) for cell in column])
    return '\n'.join(gap.join(cells).rstrip() for cells in zip(*columns, strict=True))


def _aligned(cell: str, width: int, left: bool) -> str:
    return cell.ljust(width) if left else cell.rjust(width)


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


def statistics(rows: Sequence[Row]) -> str:
    """A line for each layer with every measure."""
    headings = HEADINGS | known(rows)
    cells = [['layer', 'type', *headings.values()]]
    for row in rows:
        numbers = [number(getattr(row, name)) for name in headings]
        cells.append([row.layer, row.type, *numbers])
    return table(cells, left=(0, 1))


def known(rows: Sequence[Row]) -> dict[str, str]:
    """The headings of the optional measures that at least one row has."""
    found = {}
    for name, heading in OPTIONAL.items():
        if any(math.isfinite(getattr(row, name)) for row in rows):
            found[name] = heading
    return found


def spread(rows: Sequence[Row]) -> float:
    """The greatest change rate over the smallest; NaN unless two of them are known."""
    rates = [row.change_rate for row in rows if row.change_rate is not None and row.change_rate > 0]
    return max(rates) / min(rates) if len(rates) > 1 else math.nan


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


def gathered(notes: Iterable[str]) -> list[str]:
    """The notes, those that say the same of several layers as one."""
    layers: dict[str, list[str]] = {}
    for note in notes:
        found = re.match(r"layer '([^']*)': (.*)", note, re.DOTALL)
        name, text = found.groups() if found else ('', note)
        layers.setdefault(text, []).append(name)
    return [_gathered(text, names) for text, names in layers.items()]


def _gathered(text: str, names: list[str]) -> str:
    if not any(names):
        return text
    if len(names) == 1:
        return f"layer '{names[0]}': {text}"
    shown = names
    if len(names) > 4:
        shown = [*names[:3], '...', names[-1]]
    return f'{len(names)} layers ({", ".join(shown)}): {text}'
