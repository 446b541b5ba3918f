"""Variance of the initial gradients of FitNet-4, layer by layer: Table 10 of Mishkin & Matas
(2016).

    python experiments/gradient_variance.py --data cifar-10-batches-bin/data_batch_1.bin

Writes results/gradient_variance.json and .md.
"""

import argparse
from collections.abc import Mapping

import numpy as np
from goodinit.experiments import findings
from goodinit.experiments.cifar10 import Cifar10
from goodinit.experiments.findings import markdown
from goodinit.experiments.mishkin_matas import (
    BATCH_SIZE,
    fitnet4,
    measured_layers,
    printed_table,
    put_batch,
)

PRESETS = {'LSUV': 'lsuv', 'MSRA': 'msra', 'OrthoInit': 'orthonormal', 'Xavier': 'xavier'}
BATCHES = 10
Variances = dict[str, float]  # by layer


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
    found: dict[str, Variances] = {}
    for column, preset in PRESETS.items():
        runs = [gradient_variances(preset, data, seed) for seed in range(args.seeds)]
        found[column] = averaged(runs)
    numbers = {'seeds': args.seeds, 'variances': found}
    findings.write('gradient_variance', numbers, report(found, args.seeds))


def gradient_variances(preset: str, data: Cifar10, seed: int) -> Variances:
    """The variance of the loss's gradient by each layer's output, before the nonlinearity; mean
    over 10 batches.

    The loss is the mean over a batch's 128 images; the weights stay as initialized.
    """
    rng = np.random.default_rng(seed)
    net = fitnet4('relu', preset, data.batch(BATCH_SIZE, rng), rng)
    layers = measured_layers(net)
    runs = []
    for _ in range(BATCHES):
        put_batch(net, data.batch(BATCH_SIZE, rng))
        net.forward()
        net.backward()
        variances = {}
        for layer, name in layers.items():
            variances[layer] = float(net.blobs[name].diff.var())
        runs.append(variances)
    return averaged(runs)


def averaged(runs: list[Variances]) -> Variances:
    means = {}
    for layer in runs[0]:
        values = [run[layer] for run in runs]
        means[layer] = float(np.mean(values))
    return means


REPORT = """\
# Variance of the initial gradients of FitNet-4 with ReLU (Mishkin & Matas 2016, Table 10)

Gradients of the loss by each layer's output before ReLU, over all elements; the mean of 10 batches
of 128 images and of {seeds} nets. In brackets what is printed.

{table}
"""


def report(found: dict[str, Variances], seeds: int) -> str:
    """The table, with the quotient of the last layer and the first."""
    printed = printed_table(10)
    rows = []
    for layer in printed['LSUV']:
        cells = [layer]
        for column in found:
            ours = found[column][layer]
            theirs = float(printed[column][layer])
            cells.append(f'{ours:.1e} ({theirs:.1e})')
        rows.append(cells)
    last = ['ip1 / conv11']
    for column in found:
        ours = quotient(found[column])
        theirs = quotient(printed[column])
        last.append(f'{ours:.3g} ({theirs:.3g})')
    rows.append(last)
    return REPORT.format(seeds=seeds, table=markdown(['layer', *found], rows))


def quotient(column: Mapping[str, float | str]) -> float:
    return float(column['ip1']) / float(column['conv11'])


if __name__ == '__main__':
    main()
