"""A training that goes on after a kill as if there had been none."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, isfinite
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from goodinit.netlib import Net
from goodinit.proto import atomic_write
from goodinit.proto.caffe_pb2 import SolverParameter
from goodinit.solvers import Displayed, Event, Solver, snapshot_files
from goodinit.solvers.one_training import one_training

from .run import Run
from .store import plain

Batch = dict[str, np.ndarray]  # by blob
PREFIX = 'net'
POINTS = 1000  # of a curve that is kept
TESTING = (
    'test_net',
    'test_net_param',
    'test_state',
    'test_iter',
    'test_interval',
    'test_initialization',
)


@dataclass
class Curve:
    """What a training showed: the losses of all iterations, the seconds of CPU time that they had
    taken after each, without probes, and what was probed, by iteration. A loss that is not finite
    is the last; then the training has diverged.
    """

    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    probes: dict[str, Any] = field(default_factory=dict)

    @property
    def cpu_time(self) -> float:
        """The seconds of all iterations so far."""
        return self.seconds[-1] if self.seconds else 0.0

    @property
    def diverged(self) -> bool:
        return bool(self.losses) and not is_finite(self.losses[-1])

    def until(self, iteration: int) -> Curve:
        """What it showed until then."""
        probes = {at: found for at, found in self.probes.items() if int(at) <= iteration}
        return Curve(self.losses[:iteration], self.seconds[:iteration], probes)

    def as_found(self) -> dict[str, Any]:
        """For the JSON of a cell: 'losses' are means over 'every' iterations, at most POINTS."""
        every = max(ceil(len(self.losses) / POINTS), 1)
        starts = range(0, len(self.losses), every)
        means = [float(np.mean(self.losses[i : i + every])) for i in starts]
        return {
            'losses': [shortened(mean) for mean in means],
            'every': every,
            'seconds': self.cpu_time,
            'probes': self.probes,
            'diverged': self.diverged,
        }


def is_finite(loss: float | None) -> bool:
    return loss is not None and isfinite(loss)


def shortened(loss: float) -> float:
    """A loss with the digits that a float32 has."""
    return float(f'{loss:.7g}')


def train(
    run: Run,
    param: SolverParameter,
    iterations: int,
    *,
    fill: Callable[[Net], None],
    feed: Callable[[int], Batch] | None = None,
    probe: Callable[[Solver], Any] | None = None,
    probe_every: int = 0,
    snapshot: int = 100,
) -> tuple[Solver, Curve]:
    """Train to an iteration; a loss that is not finite ends it earlier.

    The cell's folder gets a snapshot every `snapshot` iterations, from which the next call with the
    same folder goes on. fill(net): initializes a new net. feed(i): the batch of iteration i, for a
    net of Input layers; it must depend on i alone, as what `draws` returns does. Data layers need
    none: a snapshot knows their place. probe(solver): measured before the first iteration, after
    every `probe_every`, and after the last, unless the loss is not finite; kept in `Curve.probes`.
    """
    curve = Curve()

    def note(event: Event) -> None:
        if isinstance(event, Displayed):
            curve.losses.append(event.loss)

    param = with_snapshots(param, run.work)
    with one_training(param):
        solver = Solver(param, engine=run.engine, fill=fill, report=note)
        curve.__dict__.update(resume(solver, run.work).__dict__)
        while solver.iter < iterations and not curve.diverged:
            probe_due(solver, curve, probe, probe_every)
            begin = process_time() - curve.cpu_time
            if feed is not None:
                put_batch(solver.net, feed(solver.iter))
            solver.step(1)
            curve.seconds.append(round(process_time() - begin, 3))
            run.advance(solver.iter / iterations)
            if solver.iter % snapshot == 0 and solver.iter < iterations and not curve.diverged:
                keep(solver, curve, run.work)
        if not curve.diverged:
            probe_due(solver, curve, probe, 1)
    return solver, curve


def with_snapshots(param: SolverParameter, work: Path) -> SolverParameter:
    """The solver, with snapshots into a folder, that shows each iteration and tests nothing."""
    ours = SolverParameter()
    ours.CopyFrom(param)
    ours.display, ours.average_loss = 1, 1
    ours.snapshot, ours.snapshot_after_train = 0, True
    ours.snapshot_prefix = str(work / PREFIX)
    for name in TESTING:
        ours.ClearField(name)
    if ours.random_seed < 0:
        ours.random_seed = 0
    return ours


def put_batch(net: Net, batch: Batch) -> None:
    """Give the net's inputs their values."""
    for name, values in batch.items():
        net.blobs[name].data = values


def probe_due(
    solver: Solver, curve: Curve, probe: Callable[[Solver], Any] | None, every: int
) -> None:
    """Measure what is to be measured at this iteration, unless it has been."""
    due = every and solver.iter % every == 0
    if probe is not None and due and str(solver.iter) not in curve.probes:
        curve.probes[str(solver.iter)] = probe(solver)


def draws(seed: int) -> Callable[[int], np.random.Generator]:
    """A generator for each iteration, so that a resumed training draws as an unbroken one."""
    return lambda iteration: np.random.default_rng([seed, iteration])


# -- what is kept


def keep(solver: Solver, curve: Curve, work: Path) -> None:
    """Write the curve, then a snapshot, and remove the ones before it."""
    with atomic_write(curve_path(work), 'w') as file:
        json.dump(plain(curve.__dict__), file)
    state = Path(solver.snapshot())
    for path in work.glob(f'{PREFIX}_iter_*'):
        if not path.name.startswith(f'{state.stem}.'):
            path.unlink()


def resume(solver: Solver, work: Path) -> Curve:
    """Continue from the last snapshot in the folder, if there is one; returns the curve so far."""
    prefix = str(work / PREFIX)
    snapshot_files.remove_unfinished(prefix)
    state, _ = snapshot_files.find_last(prefix)
    if not state or not curve_path(work).is_file():
        return Curve()
    solver.restore(state)
    kept = json.loads(curve_path(work).read_text(encoding='utf-8'))
    return Curve(**kept).until(solver.iter)


def curve_path(work: Path) -> Path:
    return work / 'curve.json'
