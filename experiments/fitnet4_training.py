"""FitNet-4, trained on CIFAR-10 by the published solver from an initialization."""

import numpy as np
from goodinit.experiments.cifar10 import Cifar10
from goodinit.experiments.mishkin_matas import (
    BATCH_SIZE,
    Batch,
    fitnet4_param,
    initialize_as_published,
    put_batch,
)
from goodinit.feeding.bundled import find_model
from goodinit.netlib import Net
from goodinit.proto import read_solver
from goodinit.proto.caffe_pb2 import TEST, SolverParameter
from goodinit.solvers import Displayed, Solver

TEST_BATCHES = 20
PUBLISHED = ('base_lr', 'momentum', 'weight_decay', 'lr_policy', 'gamma', 'max_iter', 'stepvalue')


def train(
    nonlinearity: str, preset: str, images: Cifar10, test: Cifar10, iterations: int, engine: str
) -> dict:
    """'losses': of each iteration. 'accuracy': on test images, after the last."""
    rng = np.random.default_rng(0)
    batch = images.batch(BATCH_SIZE, rng)
    losses: list[float] = []

    def note(event: object) -> None:
        if isinstance(event, Displayed):
            losses.append(event.loss)

    solver = Solver(
        solver_param(nonlinearity, batch),
        engine=engine,
        seed=0,
        fill=lambda net: initialize_as_published(net, preset, batch, rng),
        report=note,
    )
    for _ in range(iterations):
        put_batch(solver.net, images.batch(BATCH_SIZE, rng))
        solver.step(1)
    return {'losses': losses, 'accuracy': accuracy(solver, nonlinearity, test, engine)}


def solver_param(nonlinearity: str, batch: Batch) -> SolverParameter:
    """The published solver, without tests and snapshots, that displays each iteration."""
    published = read_solver(find_model(f'fitnet4/{nonlinearity}', 'solver'))
    return SolverParameter(
        **{field: getattr(published, field) for field in PUBLISHED},
        display=1,
        snapshot_after_train=False,
        net_param=fitnet4_param(nonlinearity, batch),
    )


def accuracy(solver: Solver, nonlinearity: str, test: Cifar10, engine: str) -> float:
    """The share of the first test images whose label has the highest score."""
    batches = []
    for start in range(0, TEST_BATCHES * BATCH_SIZE, BATCH_SIZE):
        rows = slice(start, start + BATCH_SIZE)
        batch = {'data': test.images[rows], 'label': test.labels[rows]}
        batches.append(batch)
    param = fitnet4_param(nonlinearity, batches[0], TEST)
    net = Net(param, engine=engine, load=solver.net.to_proto())
    found = []
    for batch in batches:
        put_batch(net, batch)
        net.forward()
        found.append(float(net.blobs['accuracy'].data))
    return float(np.mean(found))
