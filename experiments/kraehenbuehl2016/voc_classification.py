"""CaffeNet, trained from an initialization to say which of 20 classes a photograph of VOC 2007
shows.

Protocol of the paper: sigmoid cross entropy, random crops, 80,000 steps of 10, rate 0.001 halved
every 10,000 steps, momentum 0.9, initialized from 160 training images, tested by the mean of 10
random crops. What it does not say (weight decay, clipping) is left at Caffe's default, none. The
code published with it has batches of 16, weight decay 1e-6 and clip_gradients 10.
"""

import json
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from goodinit.experiments.kraehenbuehl2016.classification_cells import Cell
from goodinit.initializers import fill, initialize
from goodinit.netlib import Net
from goodinit.netlib.rng import make_rng
from goodinit.proto import atomic_write
from goodinit.proto.caffe_pb2 import TEST, NetParameter, SolverParameter
from goodinit.solvers import Displayed, Solver
from goodinit.solvers.snapshot_files import find_last
from goodinit.voc.average_precision import MEASURES, average_precision
from goodinit.voc.classification import (
    MEAN,
    inputs,
    photographs_layer,
    scores,
    testing_net,
    training_net,
)
from goodinit.voc.devkit import Photograph, open_devkit
from goodinit.voc.labels import labels_of
from goodinit.voc.windows import (
    Window,
    center_window,
    cut_windows,
    random_window,
    ten_windows,
)

MODEL, CROP = 'caffenet', 227
TO_INITIALIZE, INITIALIZE_ROWS = 160, 20  # images, and of a batch
SCALES = (0.5, 2.0)
DISPLAY = 50
TEST_SIDE = CROP / 256  # of the short side: the middle and the corners of a test image
INITIALIZE, TEST_CROPS = 1, 2  # use different random numbers

Say = Callable[[str], None]


class Protocol(NamedTuple):
    """How a cell is trained; in steps."""

    steps: int = 80_000
    halve_every: int = 10_000
    batch_size: int = 10
    weight_decay: float = 0.0
    clip_gradients: float = -1
    difficult: str = 'ignore'
    test_every: int = 5_000
    snapshot_every: int = 1_000


PAPER = Protocol()
PUBLISHED_CODE = Protocol(batch_size=16, weight_decay=1e-6, clip_gradients=10)
REDUCED = Protocol(steps=4_000, halve_every=1_000, test_every=500, snapshot_every=250)


class Task(NamedTuple):
    """The photographs."""

    data: str
    training: list[Photograph]
    test: list[Photograph]


def open_task(data: str) -> Task:
    """VOC 2007. Raises DataError."""
    devkit = open_devkit(data)
    return Task(data, devkit.photographs('trainval'), devkit.photographs('test'))


def train(cell: Cell, task: Task, protocol: Protocol, seed: int, prefix: Path, say: Say) -> dict:
    """Train a cell, or go on from its last snapshot, whose files begin with `prefix`.

    Returns 'curve': rows of steps, mean loss and mean average precision on one central crop;
    'average_precision': by measure, of each class, on the crops of each way of testing;
    'seconds' of initialization and training.
    """
    progress = prefix.with_suffix('.progress.json')
    last, _ = find_last(str(prefix))
    done: dict[str, Any] = {'curve': [], 'losses': [], 'seconds': 0.0}
    if last:
        done = read_progress(progress)
    param = solver_param(cell, task, protocol, prefix)
    start = perf_counter()

    def fill_net(net: Net) -> None:
        if not last:
            initialize_net(net, cell, task, protocol, seed)

    solver = Solver(param, seed=seed, fill=fill_net, on_nan='stop', share_memory=True)
    if last:
        solver.restore(last)
        done = up_to(done, solver.iter)
    else:
        done['initialization_seconds'] = round(perf_counter() - start, 1)
        say(f'initialized in {done["initialization_seconds"]} s')
    losses = done['losses']
    solver.report = lambda event: losses.append(noted(event)) if is_loss(event) else None
    tester = Tester(solver, param.net_param, task)
    test_if_due(done, tester, solver, protocol, say)
    while solver.iter < protocol.steps:
        start = perf_counter()
        solver.step(protocol.snapshot_every - solver.iter % protocol.snapshot_every)
        done['seconds'] += perf_counter() - start
        test_if_due(done, tester, solver, protocol, say)
        write_progress(progress, done)
        keep_only(solver.snapshot(), prefix)
    done['average_precision'] = tester.final(seed)
    return done


def solver_param(cell: Cell, task: Task, protocol: Protocol, prefix: Path) -> SolverParameter:
    """The training, without tests and snapshots of its own."""
    layer = photographs_layer(
        data=task.data,
        batch_size=protocol.batch_size,
        crop_size=CROP,
        scales=SCALES,
        mean=MEAN,
        difficult=protocol.difficult,
    )
    optimizer = cell.optimizer
    param = SolverParameter(
        type=optimizer.type,
        base_lr=optimizer.rate,
        lr_policy='step',
        gamma=0.5,
        stepsize=protocol.halve_every,
        max_iter=protocol.steps,
        momentum=0.9,
        weight_decay=protocol.weight_decay,
        clip_gradients=protocol.clip_gradients,
        display=DISPLAY,
        average_loss=DISPLAY,
        snapshot_prefix=str(prefix),
        net_param=training_net(MODEL, layer, optimizer.batch_norm),
    )
    return param


def initialize_net(net: Net, cell: Cell, task: Task, protocol: Protocol, seed: int) -> None:
    """The cell's recipes, on random crops of the first training images in a random order."""
    param = training_net(MODEL, inputs(INITIALIZE_ROWS, CROP), cell.optimizer.batch_norm)
    twin = Net(param, seed=seed)
    rng = make_rng([seed, INITIALIZE])
    batches = initial_batches(task.training, protocol, rng)
    fill(twin, rng)
    for recipe in cell.recipes:
        initialize(twin, batches, recipe, rng)
    net.copy_from(twin.to_proto())


def initial_batches(
    photographs: list[Photograph], protocol: Protocol, rng: np.random.Generator
) -> list[dict[str, np.ndarray]]:
    chosen = [photographs[i] for i in rng.permutation(len(photographs))[:TO_INITIALIZE]]
    labels = labels_of(chosen, protocol.difficult)
    images = [
        cut_windows(
            one.path, [random_window(one.width, one.height, CROP, SCALES, rng.random(4))], CROP
        )
        for one in chosen
    ]
    pixels = np.concatenate(images) - np.array(MEAN, np.float32)[:, None, None]
    batches = []
    for start in range(0, len(chosen), INITIALIZE_ROWS):
        rows = slice(start, start + INITIALIZE_ROWS)
        batches.append({'data': pixels[rows], 'label': labels[rows]})
    return batches


# -- tests


class Tester:
    """A net that shares the weights of a solver, and the test images."""

    def __init__(self, solver: Solver, training: NetParameter, task: Task):
        self.net = Net(testing_net(training, CROP), TEST)
        solver.share_weights(self.net)
        self.photographs = task.test
        self.labels = labels_of(task.test)

    def score(self, windows_of: Callable[[Photograph], list[Window]]) -> np.ndarray:
        return scores(self.net, self.photographs, windows_of, CROP)

    def quick(self) -> float:
        """The mean average precision on one central crop, by the measure of VOC 2007."""
        found = average_precision(self.score(central), self.labels, 'eleven_point')
        return float(np.nanmean(found))

    def final(self, seed: int) -> dict[str, dict[str, list[float]]]:
        """Of each way to crop: by measure, of each class."""
        rng = make_rng([seed, TEST_CROPS])
        ways = {'center': central, 'ten_random': ten_random(rng), 'ten': ten}
        found: dict[str, dict[str, list[float]]] = {}
        for way, windows_of in ways.items():
            score = self.score(windows_of)
            found[way] = {}
            for measure in MEASURES:
                values = average_precision(score, self.labels, measure)
                found[way][measure] = np.round(values, 5).tolist()
        return found


def short_side(photograph: Photograph) -> float:
    return min(photograph.width, photograph.height) * TEST_SIDE


def central(photograph: Photograph) -> list[Window]:
    return [center_window(photograph.width, photograph.height, short_side(photograph))]


def ten(photograph: Photograph) -> list[Window]:
    return list(ten_windows(photograph.width, photograph.height, short_side(photograph)))


def ten_random(rng: np.random.Generator) -> Callable[[Photograph], list[Window]]:
    """The paper's: ten windows drawn as in training."""

    def windows_of(one: Photograph) -> list[Window]:
        return [
            random_window(one.width, one.height, CROP, SCALES, rng.random(4)) for _ in range(10)
        ]

    return windows_of


def test_if_due(done: dict, tester: Tester, solver: Solver, protocol: Protocol, say: Say) -> None:
    """A row of the curve, if there is none of this step."""
    if solver.iter % protocol.test_every or any(row[0] == solver.iter for row in done['curve']):
        return
    precision = tester.quick()
    loss = solver.smoothed_loss if solver.iter else None
    done['curve'].append([solver.iter, loss, round(precision, 5)])
    say(f'step {solver.iter}: loss {loss}, mAP {precision:.4f}, {done["seconds"]:.0f} s')


# -- what is kept


def is_loss(event: object) -> bool:
    return isinstance(event, Displayed)


def noted(event: Any) -> list[float]:
    return [event.iter, round(event.loss, 5)]


def read_progress(path: Path) -> dict:
    return json.loads(path.read_text('utf-8'))


def write_progress(path: Path, done: dict) -> None:
    with atomic_write(path, 'w') as file:
        json.dump(done, file)


def up_to(done: dict, iteration: int) -> dict:
    """What was known when the snapshot was written, which may be older than the progress."""
    done['curve'] = [row for row in done['curve'] if row[0] <= iteration]
    done['losses'] = [row for row in done['losses'] if row[0] < iteration]
    return done


def keep_only(state: str, prefix: Path) -> None:
    """Remove the snapshots before this one: of a CaffeNet, each takes half a gigabyte."""
    stem = Path(state).name.removesuffix('.solverstate')
    for path in prefix.parent.glob(f'{prefix.name}_iter_*'):
        if not path.name.startswith(f'{stem}.'):
            path.unlink()
