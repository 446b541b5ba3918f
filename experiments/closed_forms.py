"""Table 8 of Mishkin & Matas (2016) without data: the standard deviations that formulas give."""

from math import floor, prod, sqrt
from typing import Any

from goodinit.experiments.mishkin_matas import measured_layers, printed_table
from goodinit.experiments.runner.comparison import markdown
from goodinit.feeding.bundled import find_model
from goodinit.netlib import Net

# How much the standard deviation s of n weights that are drawn varies: by s times this / sqrt(n).
SPREAD = {'OrthoNorm': 0.0, 'MSRA': sqrt(1 / 2), 'Xavier': sqrt(1 / 5)}


def closed_forms() -> dict[str, dict[str, dict]]:
    """Each cell of Table 8 that a formula gives, by column and layer: see `compare`."""
    net = Net(find_model('fitnet4/relu', 'deploy'))
    names = measured_layers(net)
    found: dict[str, dict[str, dict]] = {}
    for column, cells in printed_table(8).items():
        if column == 'LSUV':
            continue
        compared = found[column] = {}
        for layer, figure in cells.items():
            weights = net.params[names[layer]][0]
            compared[layer] = compare(figure, column, weights.shape)
    return found


def compare(printed: str, column: str, shape: tuple[int, ...]) -> dict[str, Any]:
    """A printed figure beside the formula for weights of `shape`."""
    std = formula(column, shape)
    return {'printed': printed, 'computed': std, 'agrees': agreement(printed, std, column, shape)}


def formula(column: str, shape: tuple[int, ...]) -> float:
    """The standard deviation of weights (rows, ...) with an initialization of Table 8."""
    rows = shape[0]
    fan_in = prod(shape[1:])
    formulas = {
        'OrthoNorm': 1 / sqrt(max(rows, fan_in)),
        'MSRA': sqrt(2 / fan_in),
        'Xavier': sqrt(1 / fan_in),
    }
    return formulas[column]


def agreement(printed: str, std: float, column: str, shape: tuple[int, ...]) -> str:
    """How well a formula agrees with what is printed.

    'rounded' or 'cut' to the printed digits; 'drawn' where two standard deviations of a random draw
    lie between (of s over n Gaussian weights s / sqrt(2 n), uniform ones s / sqrt(5 n)); else 'no'.
    """
    if f'{std:.3f}' == printed:
        return 'rounded'
    if f'{floor(1000 * std) / 1000:.3f}' == printed:
        return 'cut'
    drawn = SPREAD[column] * std / sqrt(prod(shape))
    distance = abs(std - float(printed))
    return 'drawn' if distance < 2 * drawn + 0.0005 else 'no'


def closed_form_table() -> str:
    """The cells as a table: printed / formula, and how they agree."""
    columns = closed_forms()
    rows = []
    for layer in columns['MSRA']:
        found = [cell_text(cells[layer]) for cells in columns.values()]
        rows.append([layer, *found])
    return markdown(['layer', *columns], rows)


def cell_text(cell: dict[str, Any]) -> str:
    return f'{cell["printed"]} / {cell["computed"]:.4f} {cell["agrees"]}'
