"""Standard deviations of FitNet-4's weights, layer by layer: Tables 8 and 9 of Mishkin & Matas
(2016).

    python experiments/lsuv_weight_std.py --data cifar-10-batches-bin/data_batch_1.bin

Writes results/lsuv_weight_std.json and .md.
"""

import argparse
from math import floor, prod, sqrt

import numpy as np
from goodinit.experiments.cifar10 import Cifar10
from goodinit.experiments.mishkin_matas import BATCH_SIZE, fitnet4, measured_layers, printed_table
from goodinit.experiments.results import markdown, write
from goodinit.feeding.bundled import find_model
from goodinit.netlib import Net

NONLINEARITIES = {'TanH': 'tanh', 'ReLU': 'relu', 'VLReLU': 'vlrelu', 'Maxout': 'maxout'}
TOLERANCE = 0.25


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
    runs = {column: weight_stds(kind, data, args.seeds) for column, kind in NONLINEARITIES.items()}
    runs['ReLU, no dropout'] = weight_stds('relu', data, args.seeds, dropout=False)
    write(
        'lsuv_weight_std',
        {'seeds': args.seeds, 'lsuv': runs, 'closed_forms': closed_forms()},
        report(runs),
    )


def weight_stds(
    kind: str, data: Cifar10, seeds: int, dropout: bool = True
) -> dict[str, list[float]]:
    """The standard deviation of each layer's weights after LSUV on one batch, seed by seed."""
    stds: dict[str, list[float]] = {}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        net = fitnet4(kind, 'lsuv', data.batch(BATCH_SIZE, rng), rng, dropout)
        for layer, name in measured_layers(net).items():
            stds.setdefault(layer, []).append(float(net.params[name][0].data.std()))
    return stds


def printed_columns(column: str) -> list[dict[str, str]]:
    """What the paper prints for a nonlinearity: one column, for ReLU two."""
    name = column.partition(',')[0]
    return [printed_table(9)[name]] + ([printed_table(8)['LSUV']] if name == 'ReLU' else [])


def ratios(column: str, layer: str, stds: list[float]) -> list[float]:
    """Ours over what is printed."""
    return [float(np.mean(stds)) / float(printed[layer]) for printed in printed_columns(column)]


def agrees(ratios: list[float]) -> bool:
    return any(abs(ratio - 1) <= TOLERANCE for ratio in ratios)


# -- the closed forms


def closed_forms() -> dict[str, dict[str, dict]]:
    """Each cell of Table 8 that a formula gives: printed, computed, how well they agree."""
    net = Net(find_model('fitnet4/relu', 'deploy'))
    shapes = {layer: net.params[name][0].shape for layer, name in measured_layers(net).items()}
    return {
        column: {layer: compare(figure, column, shapes[layer]) for layer, figure in cells.items()}
        for column, cells in printed_table(8).items()
        if column != 'LSUV'
    }


def compare(printed: str, column: str, shape: tuple[int, ...]) -> dict:
    """A printed figure beside the formula for weights of `shape`.

    agrees: 'rounded' or 'cut' to the printed digits; 'drawn' where two standard deviations of a
    random draw lie between (of s over n Gaussian weights s / sqrt(2 n), uniform ones s / sqrt(5
    n)); else 'no'.
    """
    rows, fan_in = shape[0], prod(shape[1:])
    std = {
        'OrthoNorm': 1 / sqrt(max(rows, fan_in)),
        'MSRA': sqrt(2 / fan_in),
        'Xavier': sqrt(1 / fan_in),
    }[column]
    drawn = (
        {'OrthoNorm': 0.0, 'MSRA': sqrt(1 / 2), 'Xavier': sqrt(1 / 5)}[column]
        * std
        / sqrt(rows * fan_in)
    )
    if f'{std:.3f}' == printed:
        agrees = 'rounded'
    elif f'{floor(1000 * std) / 1000:.3f}' == printed:
        agrees = 'cut'
    else:
        agrees = 'drawn' if abs(std - float(printed)) < 2 * drawn + 0.0005 else 'no'
    return {'printed': printed, 'computed': std, 'agrees': agrees}


# -- the report

REPORT = """# Weight standard deviations of FitNet-4 (Mishkin & Matas 2016, Tables 8 and 9)

After LSUV on one batch of 128 images: mean ± standard deviation over {seeds} seeds, in brackets its ratio to what is
printed; for ReLU that is two figures, of Table 9 and of Table 8.

{lsuv}

Layers further than {tolerance} from every printed figure:

{outside}

Table 8 without data, printed / formula: 1 / sqrt(max(rows, fan-in)) for orthonormal, sqrt(2 / fan-in) for MSRA and
sqrt(1 / fan-in) for Xavier weights. What is printed is the formula `rounded` or `cut` to three decimals; or within two
standard deviations of what weights `drawn` at random have; or it disagrees (`no`).

{closed_forms}
"""


def report(runs: dict[str, dict[str, list[float]]]) -> str:
    outside = {
        column: [layer for layer in layers if not agrees(ratios(column, layer, layers[layer]))]
        for column, layers in runs.items()
    }
    return REPORT.format(
        seeds=len(runs['ReLU']['ip1']),
        lsuv=lsuv_table(runs),
        tolerance=f'{TOLERANCE:.0%}',
        outside='\n'.join(
            f'- {column}: {", ".join(layers) or "none"}' for column, layers in outside.items()
        ),
        closed_forms=closed_form_table(),
    )


def lsuv_table(runs: dict[str, dict[str, list[float]]]) -> str:
    def cell(column, layer):
        stds = runs[column][layer]
        quotients = ', '.join(f'{ratio:.2f}' for ratio in ratios(column, layer, stds))
        return f'{np.mean(stds):.3f} ± {np.std(stds):.3f} ({quotients})'

    return markdown(
        ['layer', *runs],
        [[layer, *(cell(column, layer) for column in runs)] for layer in runs['ReLU']],
    )


def closed_form_table() -> str:
    columns = closed_forms()

    def cell(entry):
        return f'{entry["printed"]} / {entry["computed"]:.4f} {entry["agrees"]}'

    return markdown(
        ['layer', *columns],
        [[layer, *(cell(cells[layer]) for cells in columns.values())] for layer in columns['MSRA']],
    )


if __name__ == '__main__':
    main()
