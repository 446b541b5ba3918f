"""Variance of the initial gradients of FitNet-4, layer by layer: Table 10 of Mishkin & Matas
(2016).

    python experiments/gradient_variance.py --data cifar-10-batches-bin/data_batch_1.bin

Writes results/gradient_variance.json and .md.
"""

import argparse

import numpy as np
from goodinit.experiments.cifar10 import Cifar10
from goodinit.experiments.mishkin_matas import BATCH_SIZE, fitnet4, measured_layers, printed_table
from goodinit.experiments.results import markdown, write

PRESETS = {'LSUV': 'lsuv', 'MSRA': 'msra', 'OrthoInit': 'orthonormal', 'Xavier': 'xavier'}
BATCHES = 10


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--data', required=True, help="a batch file of CIFAR-10's binary version (perhaps .xz)"
    )
    parser.add_argument(
        '--seeds', type=int, default=2, help='nets to average (default: %(default)s)'
    )
    args = parser.parse_args()
    data = Cifar10(args.data)
    found = {
        column: averaged([gradient_variances(preset, data, seed) for seed in range(args.seeds)])
        for column, preset in PRESETS.items()
    }
    write('gradient_variance', {'seeds': args.seeds, 'variances': found}, report(found, args.seeds))


def gradient_variances(preset: str, data: Cifar10, seed: int) -> dict[str, float]:
    """The variance of the loss's gradient by each layer's output, before the nonlinearity; mean
    over 10 batches.

    The loss is the mean over a batch's 128 images; the weights stay as initialized.
    """
    rng = np.random.default_rng(seed)
    net = fitnet4('relu', preset, data.batch(BATCH_SIZE, rng), rng)
    variances = []
    for _ in range(BATCHES):
        for name, values in data.batch(BATCH_SIZE, rng).items():
            net.blobs[name].data = values
        net.forward()
        net.backward()
        variances.append(
            {
                layer: float(net.blobs[name].diff.var())
                for layer, name in measured_layers(net).items()
            }
        )
    return averaged(variances)


def averaged(runs: list[dict[str, float]]) -> dict[str, float]:
    return {layer: float(np.mean([run[layer] for run in runs])) for layer in runs[0]}


REPORT = """# Variance of the initial gradients of FitNet-4 with ReLU (Mishkin & Matas 2016, Table 10)

Gradients of the loss by each layer's output before ReLU, over all elements; the mean of 10 batches of 128 images and of
{seeds} nets. In brackets what is printed.

{table}
"""


def report(found: dict[str, dict[str, float]], seeds: int) -> str:
    printed = {
        column: {layer: float(figure) for layer, figure in cells.items()}
        for column, cells in printed_table(10).items()
    }
    rows = [
        [layer, *(f'{found[column][layer]:.1e} ({printed[column][layer]:.1e})' for column in found)]
        for layer in printed['LSUV']
    ]
    quotients = [
        f'{cells["ip1"] / cells["conv11"]:.3g} ({printed[column]["ip1"] / printed[column]["conv11"]:.3g})'
        for column, cells in found.items()
    ]
    return REPORT.format(
        seeds=seeds, table=markdown(['layer', *found], [*rows, ['ip1 / conv11', *quotients]])
    )


if __name__ == '__main__':
    main()
