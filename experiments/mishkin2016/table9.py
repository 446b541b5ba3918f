"""Tables 8 and 9: standard deviations of FitNet-4's weights, layer by layer.

Table 9 has them after LSUV for four nonlinearities, Table 8 for ReLU after LSUV and after three
initializations whose deviation a formula gives. LSUV measures one batch of 128 images, with dropout
at work as in the published script; a fifth column shows ReLU without. It took 80 seconds on a core.
"""

import numpy as np
from goodinit.experiments.cifar10 import Cifar10
from goodinit.experiments.closed_forms import closed_form_table
from goodinit.experiments.mishkin_matas import (
    BATCH_SIZE,
    fitnet4,
    measured_layers,
    printed_table,
)
from goodinit.experiments.runner import CIFAR10, Experiment, Found, Protocol, Results, Run, grid
from goodinit.experiments.runner.comparison import markdown
from goodinit.experiments.runner.data_sets import find_file

COLUMNS = {
    'tanh': 'TanH',
    'relu': 'ReLU',
    'vlrelu': 'VLReLU',
    'maxout': 'Maxout',
    'relu_no_dropout': 'ReLU, no dropout',
}
TOLERANCE = 0.25
Stds = dict[str, list[float]]  # by layer, of each seed


def measure(run: Run) -> Found:
    """The standard deviation of each layer's weights after LSUV on one batch."""
    path = find_file(run.folder(CIFAR10), 'data_batch_1.bin*')
    data = Cifar10([path], size=run['batch'])
    rng = np.random.default_rng(run['seed'])
    kind, _, without = run['net'].partition('_')
    net = fitnet4(kind, 'lsuv', data.batch(rng), rng, not without, run.engine)
    stds = {}
    for layer, name in measured_layers(net).items():
        stds[layer] = float(net.params[name][0].data.std())
    return {'stds': stds}


def by_column(results: Results) -> dict[str, Stds]:
    """What was found, by nonlinearity and layer."""
    runs: dict[str, Stds] = {}
    for cell, found in results.items():
        stds = runs.setdefault(COLUMNS[cell['net']], {})
        for layer, std in found['stds'].items():
            stds.setdefault(layer, []).append(std)
    return runs


def printed_columns(column: str) -> list[dict[str, str]]:
    """What the paper prints for a nonlinearity: one column, for ReLU two."""
    name = column.partition(',')[0]
    columns = [printed_table(9)[name]]
    if name == 'ReLU':
        columns.append(printed_table(8)['LSUV'])
    return columns


def ratios(column: str, layer: str, stds: list[float]) -> list[float]:
    """Ours over what is printed."""
    mean = float(np.mean(stds))
    return [mean / float(printed[layer]) for printed in printed_columns(column)]


def agrees(ratios: list[float]) -> bool:
    """Whether ours is near one of the printed figures."""
    return any(abs(ratio - 1) <= TOLERANCE for ratio in ratios)


# -- the page

REPORT = """# Mishkin & Matas 2016, Tables 8 and 9: standard deviations of FitNet-4's weights

After LSUV on one batch of {batch} images: mean ± standard deviation over {seeds} seeds, in brackets
its ratio to what is printed; for ReLU that is two figures, of Table 9 and of Table 8.

{lsuv}

Layers further than {tolerance} from every printed figure:

{outside}

Table 8 without data, printed / formula: 1 / sqrt(max(rows, fan-in)) for orthonormal,
sqrt(2 / fan-in) for MSRA and sqrt(1 / fan-in) for Xavier weights. What is printed is the formula
`rounded` or `cut` to three decimals; or within two standard deviations of what weights `drawn` at
random have; or it disagrees (`no`).

{closed_forms}
"""


def report(results: Results, protocol: Protocol) -> str:
    runs = by_column(results)
    far = [outside(column, stds) for column, stds in runs.items()]
    seeds = {cell['seed'] for cell in results}
    return REPORT.format(
        batch=protocol['batch'],
        seeds=len(seeds),
        lsuv=lsuv_table(runs),
        tolerance=f'{TOLERANCE:.0%}',
        outside='\n'.join(far),
        closed_forms=closed_form_table(),
    )


def outside(column: str, stds: Stds) -> str:
    """The layers of a nonlinearity that agree with no printed figure."""
    layers = []
    for layer, values in stds.items():
        if not agrees(ratios(column, layer, values)):
            layers.append(layer)
    names = ', '.join(layers) or 'none'
    return f'- {column}: {names}'


def lsuv_table(runs: dict[str, Stds]) -> str:
    rows = []
    for layer in next(iter(runs.values())):
        cells = [layer]
        for column, stds in runs.items():
            cells.append(cell_text(column, layer, stds[layer]))
        rows.append(cells)
    return markdown(['layer', *runs], rows)


def cell_text(column: str, layer: str, stds: list[float]) -> str:
    found = [f'{ratio:.2f}' for ratio in ratios(column, layer, stds)]
    quotients = ', '.join(found)
    mean = np.mean(stds)
    deviation = np.std(stds)
    return f'{mean:.3f} ± {deviation:.3f} ({quotients})'


EXPERIMENT = Experiment(
    title="standard deviations of FitNet-4's weights (Tables 8 and 9)",
    full=Protocol(grid(net=list(COLUMNS), seed=range(10)), '2 min', {'batch': BATCH_SIZE}),
    measure=measure,
    report=report,
    needs=[CIFAR10],
)
