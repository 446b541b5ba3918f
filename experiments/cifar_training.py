"""Nets trained on CIFAR-10 by their published solvers, from an initialization on one batch: what
tables and figures of Mishkin & Matas (2016) share."""

from collections.abc import Callable, Mapping
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from goodinit.experiments.cifar10 import Cifar10
from goodinit.experiments.mishkin_matas import (
    BATCH_SIZE,
    Batch,
    initialize_as_published,
    param_with_inputs,
)
from goodinit.experiments.runner import CIFAR10, Curve, Found, Run, comparison, train
from goodinit.experiments.runner.comparison import agreement, side_by_side
from goodinit.experiments.runner.data_sets import find_file
from goodinit.experiments.runner.training import draws, put_batch
from goodinit.feeding.bundled import find_model
from goodinit.netlib import Net
from goodinit.proto import read_solver
from goodinit.proto.caffe_pb2 import TEST, SolverParameter
from goodinit.solvers import Solver

PUBLISHED = ('base_lr', 'momentum', 'weight_decay', 'lr_policy', 'gamma', 'max_iter', 'stepvalue')
CHANCE = log(10)  # the loss of a net that knows nothing
LEARNING = 0.97  # of it: a smaller mean loss at the end says that a net has begun to learn
LAST = 50  # iterations that count as the end
Initialize = Callable[[Net, Batch, np.random.Generator], None]


def train_on_cifar(
    run: Run,
    model: str,
    start: Initialize,
    probe: Callable[[Solver], Any] | None = None,
    probe_every: int = 0,
    schedule: int = 1,
) -> tuple[Found, Curve]:
    """Train a bundled model for run['iterations'], on batches drawn from run['files'] batch files.

    Found are the curve and the 'accuracy' on the first run['tested'] batches of test images, None
    if the training diverged. With `schedule` 2 each rate has half its iterations, and so has all.
    """
    images = Cifar10(batch_files(run), size=run['batch'])
    draw = draws(run['seed'])
    first = images.batch(np.random.default_rng(run['seed']))
    rng = np.random.default_rng([run['seed'], 1])
    solver, curve = train(
        run,
        solver_param(model, first, run['seed'], schedule),
        run['iterations'] // schedule,
        fill=lambda net: start(net, first, rng),
        feed=lambda i: images.batch(draw(i)),
        probe=probe,
        probe_every=probe_every,
    )
    score = None if curve.diverged else accuracy(solver, model, run)
    return {**curve.as_found(), 'accuracy': score}, curve


def as_published(preset: str) -> Initialize:
    """A preset, measured with dropout at work, as in the published script."""

    def start(net: Net, batch: Batch, rng: np.random.Generator) -> None:
        initialize_as_published(net, preset, batch, rng)

    return start


def batch_files(run: Run) -> list[Path]:
    """The first run['files'] of CIFAR-10's five training files."""
    folder = run.folder(CIFAR10)
    return [find_file(folder, f'data_batch_{i}.bin*') for i in range(1, run['files'] + 1)]


def solver_param(model: str, batch: Batch, seed: int, schedule: int) -> SolverParameter:
    """The published solver, without tests and snapshots, for batches like this one."""
    published = read_solver(find_model(model, 'solver'))
    param = SolverParameter(
        **{field: getattr(published, field) for field in PUBLISHED},
        random_seed=seed,
        net_param=param_with_inputs(model, batch),
    )
    param.stepvalue[:] = [step // schedule for step in published.stepvalue]
    return param


def accuracy(solver: Solver, model: str, run: Run) -> float:
    """The share of the first run['tested'] batches of test images whose label has the highest
    score."""
    size = run['batch']
    images = Cifar10([find_file(run.folder(CIFAR10), 'test_batch.bin*')], size=size)
    batches = images.in_order(run['tested'])
    param = param_with_inputs(model, batches[0], TEST)
    net = Net(param, engine=run.engine, load=solver.net.to_proto())
    found = []
    for batch in batches:
        put_batch(net, batch)
        net.forward()
        found.append(float(net.blobs['accuracy'].data))
    return float(np.mean(found))


# -- what came of it


def final_loss(found: Found) -> float:
    """The mean loss of the last iterations; infinite if it was not finite."""
    if found['diverged']:
        return float('inf')
    return float(np.mean(found['losses'][-max(LAST // found['every'], 1) :]))


def begins_to_learn(found: Found) -> bool:
    """Whether the loss at the end is below that of a net that knows nothing."""
    return final_loss(found) < LEARNING * CHANCE


REPORT = """# Mishkin & Matas 2016, {title}

Accuracy in percent on {tested} test images of CIFAR-10 after {iterations} iterations of {batch}
images, in brackets what is printed, after the whole schedule. n/c: failed to converge; here, the
mean loss of the last {last} iterations is above {threshold:.2f}, or not finite.

{table}

Loss at the end ({chance:.2f}: a net that knows nothing):

{losses}

{agreement}

{converging}
"""


def accuracy_page(
    title: str, results: Mapping[Any, Found], printed: comparison.Table, protocol: Any, names: Any
) -> str:
    """The page of a table of accuracies. names(cell): its column and row."""
    measured: dict[str, dict[str, Any]] = {}
    losses: dict[str, dict[str, Any]] = {}
    for cell, found in results.items():
        column, row = names(cell)
        learned = begins_to_learn(found)
        measured.setdefault(column, {})[row] = 100 * found['accuracy'] if learned else None
        losses.setdefault(column, {})[row] = final_loss(found)
    return REPORT.format(
        title=title,
        tested=protocol['tested'] * protocol['batch'],
        iterations=protocol['iterations'],
        batch=protocol['batch'],
        last=LAST,
        threshold=LEARNING * CHANCE,
        chance=CHANCE,
        table=side_by_side(measured, printed, '{:.1f}'.format),
        losses=side_by_side(losses, {}, '{:.3f}'.format),
        agreement=agreement(measured, printed, within=0.05),
        converging=convergence(measured, printed),
    )


def convergence(measured: comparison.Table, printed: comparison.Table) -> str:
    """Which nets learn here and not in the paper, and the reverse."""
    here: list[str] = []
    there: list[str] = []
    same = 0
    for column, figures in printed.items():
        for row, theirs in figures.items():
            if row not in measured.get(column, {}):
                continue
            ours = measured[column][row]
            same += (ours is None) == (theirs is None)
            if ours is not None and theirs is None:
                here.append(f'{column}, {row}')
            if ours is None and theirs is not None:
                there.append(f'{column}, {row}')
    lines = [f'Converging as printed: {same} cells.']
    if here:
        lines.append(f'Learning here, n/c in the paper: {"; ".join(here)}.')
    if there:
        lines.append(f'Not learning here, converging in the paper: {"; ".join(there)}.')
    return '\n'.join(lines)


BATCH = {'batch': BATCH_SIZE}
FULL = {'iterations': 90_000, 'files': 5, 'tested': 78, **BATCH}
REDUCED = {'iterations': 500, 'files': 1, 'tested': 20, **BATCH}
