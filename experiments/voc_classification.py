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
    Curve,
    DataSet,
    Experiment,
    Found,
    Protocol,
    Results,
    Run,
    train,
)
from goodinit.experiments.runner.training import PREFIX, curve_path
from goodinit.experiments.voc_cells import OPTIMIZERS, PRETRAINED, recipes_of
from goodinit.experiments.voc_pages import draw_curves
from goodinit.experiments.voc_tests import Tester
from goodinit.initializers import fill, initialize
from goodinit.netlib import Net
from goodinit.netlib.rng import make_rng
from goodinit.netlib.weights import read_weights_file
from goodinit.proto.caffe_pb2 import NetParameter, SolverParameter
from goodinit.solvers import Solver
from goodinit.solvers.snapshot_files import find_last
from goodinit.voc.classes import CLASSES
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
CAFFEMODELS = DataSet(
    'the nets of Agrawal, Wang and Doersch et al. 2015',
    ('caffemodels',),
    tuple(f'{name}.caffemodel' for name in PRETRAINED),
    "each from its authors' page, with the layers of CaffeNet",
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
    training = solver_param(run).net_param
    tester = Tester(training, devkit.photographs('test'), run['crop'], run.engine)
    solver, curve = trained(run, tester.quick)
    found: Found = {
        'curve': [row(curve.losses, int(at), value) for at, value in curve.probes.items()],
        'losses': smoothed(curve.losses),
        'diverged': curve.diverged,
        'average_precision': {},
    }
    if not curve.diverged:
        found['average_precision'] = tester.thorough(solver, SCALES, run['seed'])
    return found


def trained(run: Run, probe: Callable[[Solver], float] | None = None) -> tuple[Solver, Curve]:
    """The cell's net, initialized and trained, and what `probe` found on the way."""
    photographs = open_devkit(run.folder(VOC2007)).photographs('trainval')

    def fill_net(net: Net) -> None:
        if not has_snapshot(run):
            net.copy_from(initialized(run, photographs).to_proto())

    return train(
        run,
        solver_param(run),
        run['steps'],
        fill=fill_net,
        probe=probe,
        probe_every=run['test_every'],
        snapshot=run['snapshot_every'],
    )


def has_snapshot(run: Run) -> bool:
    """Whether `train` will go on from one, so that nothing needs to be initialized."""
    state, _ = find_last(str(run.work / PREFIX))
    return bool(state) and curve_path(run.work).is_file()


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


def initialized(run: Run, photographs: Sequence[Photograph]) -> Net:
    """A net of the cell's recipes, from random crops of random photographs; a program feeds it."""
    rng = make_rng([run['seed'], INITIALIZE])
    batches = initial_batches(photographs, run['crop'], rng)
    net = Net(fed_by_program(run), engine=run.engine, seed=run['seed'])
    fill(net, rng)
    if run['weights'] in PRETRAINED:
        load_pretrained(net, run)
    for recipe in recipes_of(run['weights'], run['scaling']):
        initialize(net, batches, recipe, rng)
    return net


def load_pretrained(net: Net, run: Run) -> None:
    """Another's weights for all but the classifier, whose bias is then 0.1, as in the published
    code."""
    path = run.folder(CAFFEMODELS) / f'{run["weights"]}.caffemodel'
    saved = read_weights_file(path, net)
    learned = list(net.params)[-1]
    kept = [layer for layer in saved.layer if layer.name != learned]
    net.copy_from(NetParameter(layer=kept))
    net.params[learned][1].data = np.full(len(CLASSES), 0.1)


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
