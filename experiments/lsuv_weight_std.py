"""Standard deviations of FitNet-4's weights, layer by layer: Tables 8 and 9 of Mishkin & Matas
(2016).

    python experiments/lsuv_weight_std.py --data cifar-10-batches-bin/data_batch_1.bin

Writes results/lsuv_weight_std.json and .md.
"""

import argparse

import numpy as np
from goodinit.experiments import findings
from goodinit.experiments.cifar10 import Cifar10
from goodinit.experiments.closed_forms import closed_form_table, closed_forms
from goodinit.experiments.findings import markdown
from goodinit.experiments.mishkin_matas import BATCH_SIZE, fitnet4, measured_layers, printed_table

NONLINEARITIES = {'TanH': 'tanh', 'ReLU': 'relu', 'VLReLU': 'vlrelu', 'Maxout': 'maxout'}
TOLERANCE = 0.25
Stds = dict[str, list[float]]  # by layer, of each seed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--data', required=True, help="a batch file of CIFAR-10's binary version (perhaps .xz)"
    )
    parser.add_argument(
        '--seeds', type=int, default=10, help='runs to average (default: %(default)s)'
    )
    args = parser.parse_args()
    data = Cifar10(args.data)
    runs: dict[str, Stds] = {}
    for column, kind in NONLINEARITIES.items():
        runs[column] = weight_stds(kind, data, args.seeds)
    runs['ReLU, no dropout'] = weight_stds('relu', data, args.seeds, dropout=False)
    numbers = {'seeds': args.seeds, 'lsuv': runs, 'closed_forms': closed_forms()}
    findings.write('lsuv_weight_std', numbers, report(runs))


def weight_stds(kind: str, data: Cifar10, seeds: int, dropout: bool = True) -> Stds:
    """The standard deviation of each layer's weights after LSUV on one batch, seed by seed."""
    stds: Stds = {}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        net = fitnet4(kind, 'lsuv', data.batch(BATCH_SIZE, rng), rng, dropout)
        for layer, name in measured_layers(net).items():
            weights = net.params[name][0].data
            stds.setdefault(layer, []).append(float(weights.std()))
    return stds


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


# -- the report

REPORT = """# Weight standard deviations of FitNet-4 (Mishkin & Matas 2016, Tables 8 and 9)

After LSUV on one batch of 128 images: mean ± standard deviation over {seeds} seeds, in brackets its
ratio to what is printed; for ReLU that is two figures, of Table 9 and of Table 8.

{lsuv}

Layers further than {tolerance} from every printed figure:

{outside}

Table 8 without data, printed / formula: 1 / sqrt(max(rows, fan-in)) for orthonormal,
sqrt(2 / fan-in) for MSRA and sqrt(1 / fan-in) for Xavier weights. What is printed is the formula
`rounded` or `cut` to three decimals; or within two standard deviations of what weights `drawn` at
random have; or it disagrees (`no`).

{closed_forms}
"""


def report(runs: dict[str, Stds]) -> str:
    """The tables."""
    far = [outside(column, stds) for column, stds in runs.items()]
    return REPORT.format(
        seeds=len(runs['ReLU']['ip1']),
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
    for layer in runs['ReLU']:
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


if __name__ == '__main__':
    main()
