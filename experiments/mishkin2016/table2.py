"""Table 2: FitNet-MNIST from orthonormal and from LSUV weights, with softmax and hinge loss.

LSUV is as good as orthonormal weights with softmax loss, and better with hinge loss. One training
of 50,000 iterations each, by the bundled solvers, without augmentation; LSUV measures the first
batch, with dropout at work. Of the table's CIFAR-10 side, Table 3 has the networks of the paper.

Reduced: 5,000 iterations, in which the learning rate does not fall yet. The full protocol took 100
minutes on a core.
"""

from pathlib import Path

import numpy as np
from goodinit.experiments.mishkin_matas import initialize_as_published, param_with_inputs
from goodinit.experiments.runner import (
    MNIST,
    Cell,
    Experiment,
    Found,
    Protocol,
    Results,
    Run,
    grid,
    train,
)
from goodinit.experiments.runner.comparison import agreement, side_by_side
from goodinit.experiments.runner.data_sets import find_file
from goodinit.experiments.runner.training import Batch, put_batch
from goodinit.feeding.bundled import find_model
from goodinit.netlib import Net
from goodinit.netlib.data.classic import read_idx
from goodinit.proto import read_solver
from goodinit.proto.caffe_pb2 import TEST, SolverParameter
from goodinit.solvers import Solver
from goodinit.tools.plots import figures

LOSSES = {'softmax': 'softmax', 'hinge': 'hinge (SVM)'}
INITS = {'orthonormal': 'OrthoInit', 'lsuv': 'LSUV'}
PRINTED = {
    'softmax': {'OrthoInit': 0.48, 'LSUV': 0.48},
    'hinge (SVM)': {'OrthoInit': 0.43, 'LSUV': 0.38},
}
SCALE = 0.00390625  # of pixels, as in the published nets
TESTED = 100  # images at a time
TICKS = (0.3, 0.4, 0.5, 0.7, 1, 2, 3)


def measure(run: Run) -> Found:
    """Train one net, and test it on all test images now and then."""
    model = f'fitnet_mnist/{run["loss"]}'
    images, labels = read_digits(run.folder(MNIST), 'train')
    rng = np.random.default_rng(run['seed'])

    def feed(iteration: int) -> Batch:
        rows = np.arange(run['batch']) + iteration * run['batch']
        chosen = rows % len(images)
        return {'data': images[chosen], 'label': labels[chosen]}

    _, curve = train(
        run,
        solver_param(model, feed(0), run['seed']),
        run['iterations'],
        fill=lambda net: initialize_as_published(net, run['init'], feed(0), rng),
        feed=feed,
        probe=Tester(run, model),
        probe_every=run['test_every'],
        snapshot=1000,
    )
    return curve.as_found()


def read_digits(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """The images (n, 1, 28, 28) and labels (n,) of 'train' or 't10k'."""
    images = read_idx(find_file(folder, f'{part}-images-idx3-ubyte*'))
    labels = read_idx(find_file(folder, f'{part}-labels-idx1-ubyte*'))
    scaled = images.astype(np.float32) * np.float32(SCALE)
    return scaled[:, np.newaxis], labels.astype(np.float32)


def solver_param(model: str, batch: Batch, seed: int) -> SolverParameter:
    """The published solver, for batches like this one."""
    param = read_solver(find_model(model, 'solver'))
    param.ClearField('net')
    param.random_seed = seed
    param.net_param.CopyFrom(param_with_inputs(model, batch))
    return param


class Tester:
    """Tells the error of a solver's net on the test images, in percent."""

    def __init__(self, run: Run, model: str):
        images, labels = read_digits(run.folder(MNIST), 't10k')
        self.batches: list[Batch] = []
        for start in range(0, len(images) - TESTED + 1, TESTED):
            rows = slice(start, start + TESTED)
            self.batches.append({'data': images[rows], 'label': labels[rows]})
        self.net = Net(param_with_inputs(model, self.batches[0], TEST), engine=run.engine)

    def __call__(self, solver: Solver) -> float:
        solver.share_weights(self.net)
        right = []
        for batch in self.batches:
            put_batch(self.net, batch)
            self.net.forward()
            right.append(float(self.net.blobs['accuracy'].data))
        return round(100 * (1 - float(np.mean(right))), 4)


# -- the page

REPORT = """# Mishkin & Matas 2016, Table 2: FitNet-MNIST

Errors in percent on MNIST's test images, of which one is 0.01 %, after {iterations} iterations of
{batch} images; in brackets what is printed, after 50,000.

{table}

{agreement}
CPU time of a training: {minutes:.0f} min.
"""


def report(results: Results, protocol: Protocol) -> str:
    measured: dict[str, dict[str, float]] = {}
    for cell, found in results.items():
        column = LOSSES[cell['loss']]
        measured.setdefault(column, {})[INITS[cell['init']]] = errors(found)[-1]
    seconds = [found['seconds'] for found in results.values()]
    return REPORT.format(
        iterations=protocol['iterations'],
        batch=protocol['batch'],
        table=side_by_side(measured, PRINTED, '{:.2f}'.format),
        agreement=agreement(measured, PRINTED, within=0.15),
        minutes=np.mean(seconds) / 60,
    )


def errors(found: Found) -> list[float]:
    return list(found['probes'].values())


def title(cell: Cell) -> str:
    return f'{LOSSES[cell["loss"]]}, {INITS[cell["init"]]}'


def draw(results: Results, path: Path) -> None:
    """The errors of all trainings over the iterations, without that before the first."""
    figure, [panel] = figures.panels([4], 'iteration')
    lines = []
    for i, (cell, found) in enumerate(results.items()):
        iterations = [int(iteration) for iteration in found['probes']]
        look = figures.look(i)
        shown = slice(2, None)
        lines += panel.plot(
            iterations[shown], errors(found)[shown], **look, linewidth=1, label=title(cell)
        )
    panel.set_yscale('log')
    panel.set_yticks(TICKS, [f'{tick:g}' for tick in TICKS])
    panel.minorticks_off()
    panel.set_ylabel('test error, %')
    figures.legend_above(figure, lines, 'FitNet-MNIST')
    figures.save(figure, path)


CELLS = grid(loss=list(LOSSES), init=list(INITS), seed=[1])
BATCH = {'batch': 64, 'test_every': 500}
EXPERIMENT = Experiment(
    title='FitNet-MNIST: orthonormal and LSUV weights, softmax and hinge loss',
    full=Protocol(CELLS, '27 min a cell', {'iterations': 50_000, **BATCH}),
    reduced=Protocol(CELLS, '~3 min a cell', {'iterations': 5000, **BATCH}),
    measure=measure,
    report=report,
    draw=draw,
    needs=[MNIST],
)
