"""Table 10: variance of the initial gradients of FitNet-4 with ReLU, layer by layer.

With LSUV it is close to 1e-9 in all convolutions; with orthonormal and Xavier weights it falls by
six orders of magnitude. They are gradients of the loss, the mean over 128 images, by each layer's
output before ReLU, over all elements; mean of 10 batches, with the weights as initialized. It took
5 minutes on a core.
"""

from collections.abc import Mapping

import numpy as np
from goodinit.experiments.cifar10 import Cifar10
from goodinit.experiments.mishkin_matas import (
    BATCH_SIZE,
    fitnet4,
    measured_layers,
    printed_table,
)
from goodinit.experiments.runner import CIFAR10, Experiment, Found, Protocol, Results, Run, grid
from goodinit.experiments.runner.comparison import markdown
from goodinit.experiments.runner.data_sets import find_file
from goodinit.experiments.runner.training import put_batch

COLUMNS = {'lsuv': 'LSUV', 'msra': 'MSRA', 'orthonormal': 'OrthoInit', 'xavier': 'Xavier'}
Variances = dict[str, float]  # by layer


def measure(run: Run) -> Found:
    """The variance of the gradient by each layer's output, mean over batches."""
    path = find_file(run.folder(CIFAR10), 'data_batch_1.bin*')
    data = Cifar10([path], size=run['batch'])
    rng = np.random.default_rng(run['seed'])
    net = fitnet4('relu', run['init'], data.batch(rng), rng, engine=run.engine)
    layers = measured_layers(net)
    runs = []
    for i in range(run['batches']):
        put_batch(net, data.batch(rng))
        net.forward()
        net.backward()
        variances = {}
        for layer, name in layers.items():
            variances[layer] = float(net.blobs[name].diff.var())
        runs.append(variances)
        run.advance((i + 1) / run['batches'])
    return {'variances': averaged(runs)}


def averaged(runs: list[Variances]) -> Variances:
    means = {}
    for layer in runs[0]:
        values = [run[layer] for run in runs]
        means[layer] = float(np.mean(values))
    return means


def by_column(results: Results) -> dict[str, Variances]:
    """What was found, by initialization and layer; the mean of its nets."""
    runs: dict[str, list[Variances]] = {}
    for cell, found in results.items():
        runs.setdefault(COLUMNS[cell['init']], []).append(found['variances'])
    return {column: averaged(found) for column, found in runs.items()}


# -- the page

REPORT = """\
# Mishkin & Matas 2016, Table 10: variance of the initial gradients of FitNet-4 with ReLU

Gradients of the loss by each layer's output before ReLU, over all elements; the mean of {batches}
batches of {batch} images and of {seeds} nets. In brackets what is printed.

{table}
"""


def report(results: Results, protocol: Protocol) -> str:
    """The table, with the quotient of the last layer and the first."""
    found = by_column(results)
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
    seeds = {cell['seed'] for cell in results}
    return REPORT.format(
        **protocol.numbers, seeds=len(seeds), table=markdown(['layer', *found], rows)
    )


def quotient(column: Mapping[str, float | str]) -> float:
    return float(column['ip1']) / float(column['conv11'])


EXPERIMENT = Experiment(
    title='variance of the initial gradients of FitNet-4',
    full=Protocol(
        grid(init=list(COLUMNS), seed=range(2)), '1 min', {'batch': BATCH_SIZE, 'batches': 10}
    ),
    measure=measure,
    report=report,
    needs=[CIFAR10],
)
