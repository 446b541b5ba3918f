"""CaffeNet, trained from an initialization to say which of 20 classes a photograph of VOC 2007
shows: Tables 1 and 2 of Krähenbühl et al. (2016).

Protocol of the paper: sigmoid cross entropy, random crops, 80,000 steps of 10 images, rate 0.001
halved every 10,000 steps, momentum 0.9, initialized from 160 training images, tested by the mean of
10 random crops. What it does not say is taken from the code published with it: weight decay 1e-6,
and gradients clipped at a norm of 10, without which k-means weights with both scalings diverge here
within 25 steps. That code has batches of 16.
"""

from collections.abc import Callable, Sequence

import numpy as np
from goodinit.experiments.runner import (
    Cell,
    DataSet,
    Experiment,
    Found,
    Protocol,
    Results,
    Run,
    train,
)
from goodinit.experiments.runner.training import PREFIX
from goodinit.experiments.voc_cells import OPTIMIZERS, recipes_of
from goodinit.experiments.voc_pages import draw_curves
from goodinit.experiments.voc_tests import Tester
from goodinit.initializers import fill, initialize
from goodinit.netlib import Net
from goodinit.netlib.rng import make_rng
from goodinit.proto.caffe_pb2 import NetParameter, SolverParameter
from goodinit.voc.classification import MEAN, inputs, photographs_layer, training_net
from goodinit.voc.devkit import Photograph, open_devkit
from goodinit.voc.labels import labels_of
from goodinit.voc.windows import cut_windows, random_window

VOC2007 = DataSet(
    'PASCAL VOC 2007',
    ('VOCdevkit/VOC2007', 'VOC2007'),
    (
        'ImageSets/Main/trainval.txt',
        'ImageSets/Main/test.txt',
        'JPEGImages/*.jpg',
        'Annotations/*.xml',
    ),
    'VOCtrainval_06-Nov-2007.tar and VOCtest_06-Nov-2007.tar from host.robots.ox.ac.uk/pascal/VOC',
)
PAPER = {
    'steps': 80_000,
    'halve_every': 10_000,
    'test_every': 5_000,
    'snapshot_every': 1_000,
    'batch_size': 10,
    'weight_decay': 1e-6,
    'clip_gradients': 10.0,
    'model': 'caffenet',
    'crop': 227,
}
PUBLISHED_CODE = {**PAPER, 'batch_size': 16}
FEWER = {'steps': 4_000, 'halve_every': 1_000, 'test_every': 500, 'snapshot_every': 100}
COST, REDUCED_COST = '~8 h a cell on two cores', '~25 min a cell on two cores'
SCALES = (0.5, 2.0)
TO_INITIALIZE, ROWS = 160, 20  # images, and of a batch
INITIALIZE = 1  # uses random numbers of its own
SMOOTH = 50  # steps: losses are kept as their mean


def measure(run: Run) -> Found:
    """Train a cell.

    'curve': rows of steps, mean loss of the last 50, mean average precision on one central crop.
    'average_precision': by way to crop and measure, of each class. 'losses': means of 50 steps.
    """
    devkit = open_devkit(run.folder(VOC2007))
    photographs = devkit.photographs('trainval')
    param = solver_param(run)
    tester = Tester(param.net_param, devkit.photographs('test'), run['crop'], run.engine)

    def fill_net(net: Net) -> None:
        if not list(run.work.glob(f'{PREFIX}_iter_*')):  # those have weights
            initialize_net(net, run, photographs)

    solver, curve = train(
        run,
        param,
        run['steps'],
        fill=fill_net,
        probe=tester.quick,
        probe_every=run['test_every'],
        snapshot=run['snapshot_every'],
    )
    found: Found = {
        'curve': [row(curve.losses, int(at), value) for at, value in curve.probes.items()],
        'losses': smoothed(curve.losses),
        'diverged': curve.diverged,
        'average_precision': {},
    }
    if not curve.diverged:
        found['average_precision'] = tester.thorough(solver, SCALES, run['seed'])
    return found


def row(losses: Sequence[float], step: int, precision: float) -> list[float | None]:
    """Of the curve."""
    last = losses[max(step - SMOOTH, 0) : step]
    return [step, float(np.mean(last)) if last else None, round(precision, 5)]


def smoothed(losses: Sequence[float]) -> list[float]:
    starts = range(0, len(losses), SMOOTH)
    return [round(float(np.mean(losses[start : start + SMOOTH])), 5) for start in starts]


def solver_param(run: Run) -> SolverParameter:
    """The training by the protocol and the cell's optimizer."""
    layer = photographs_layer(
        data=str(run.folder(VOC2007)),
        batch_size=run['batch_size'],
        crop_size=run['crop'],
        scales=SCALES,
        mean=MEAN,
    )
    optimizer = OPTIMIZERS[run['optimizer']]
    return SolverParameter(
        type=optimizer.type,
        base_lr=optimizer.rate,
        lr_policy='step',
        gamma=0.5,
        stepsize=run['halve_every'],
        max_iter=run['steps'],
        momentum=0.9,
        weight_decay=run['weight_decay'],
        clip_gradients=run['clip_gradients'],
        random_seed=run['seed'],
        net_param=training_net(run['model'], layer, optimizer.batch_norm),
    )


def initialize_net(net: Net, run: Run, photographs: Sequence[Photograph]) -> None:
    """By the cell's recipes, from random crops of random training images."""
    rng = make_rng([run['seed'], INITIALIZE])
    batches = initial_batches(photographs, run['crop'], rng)
    twin = Net(fed_by_program(run), engine=run.engine, seed=run['seed'])
    fill(twin, rng)
    for recipe in recipes_of(run['weights'], run['scaling']):
        initialize(twin, batches, recipe, rng)
    net.copy_from(twin.to_proto())


def fed_by_program(run: Run) -> NetParameter:
    batch_norm = OPTIMIZERS[run['optimizer']].batch_norm
    return training_net(run['model'], inputs(ROWS, run['crop']), batch_norm)


def initial_batches(
    photographs: Sequence[Photograph], crop: int, rng: np.random.Generator
) -> list[dict[str, np.ndarray]]:
    """Of pixels and labels."""
    order = rng.permutation(len(photographs))
    chosen = [photographs[i] for i in order[:TO_INITIALIZE]]
    images = []
    for one in chosen:
        window = random_window(one.width, one.height, crop, SCALES, rng.random(4))
        images.append(cut_windows(one.path, [window], crop))
    pixels = np.concatenate(images) - np.array(MEAN, np.float32)[:, None, None]
    labels = labels_of(chosen)
    batches = []
    for start in range(0, len(chosen), ROWS):
        rows = slice(start, start + ROWS)
        batches.append({'data': pixels[rows], 'label': labels[rows]})
    return batches


def experiment(
    title: str,
    cells: Sequence[Cell],
    report: Callable[[Results, Protocol], str],
    numbers: dict = PAPER,
) -> Experiment:
    """A table of these cells, by the protocol with these numbers."""
    return Experiment(
        title=f'VOC 2007 classification, CaffeNet: {title}',
        full=Protocol(cells, COST, numbers),
        reduced=Protocol(cells, REDUCED_COST, {**numbers, **FEWER}),
        measure=measure,
        report=report,
        draw=draw_curves,
        needs=[VOC2007],
    )
