"""Solver: trains a net as a SolverParameter says, in BVLC Caffe's order of operations."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import sqrt
from pathlib import Path

from ..netlib import Net
from ..netlib.blob import Blob, Param
from ..netlib.engines import Engine, make_engine
from ..netlib.errors import SolverError, meant
from ..netlib.memory import Memory, Tensor
from ..proto import read_solver, upgrade_solver
from ..proto.caffe_pb2 import SolverParameter
from . import nets, rates, snapshots
from .events import Clipped, Displayed, Event, Snapshotted, Tested, mean_outputs, outputs_of
from .updates import make_rule

REGULARIZATIONS = ('L2', 'L1')


class Solver:
    """Training: the train net and the test nets, the iteration, and what the update rule remembers.

    `source`: a path to a solver prototxt, or a SolverParameter. Paths in it are taken from the current directory.
    `engine` computes; solver_mode, device_id, layer_wise_reduce and debug_info are not looked at. `seed`: None takes
    random_seed, if that is given. `fill(net)` fills the parameters of a net that was just built, before `weights` are
    loaded, such as `lambda net: goodinit.fill(net, rng)`; without it they start at zero. `report` receives the events
    of events.py.

    `request()` is asked after each iteration, for None, 'snapshot' (write one now) or 'stop' (end `step`, and `solve`
    after its last snapshot; `stopped` is then True). A program that handles signals puts its own in its place.

    `history` holds the blobs of the update rule as a .solverstate orders them: one for each parameter in `learnable`,
    for AdaDelta and Adam followed by a second group. Parameters that share memory are updated once.

    Raises SolverError for fields that make no sense, ProtoError for files, NetError for nets.
    """

    def __init__(self, source: str | Path | SolverParameter, *, engine: Engine | str = 'reference',
                 seed: int | None = None, fill: nets.Fill | None = None,
                 report: Callable[[Event], None] | None = None):
        self.param = read(source)
        self.engine = make_engine(engine) if isinstance(engine, str) else engine
        self.rule = make_rule(self.engine, self.param)
        nets.check(self.param)
        params = [nets.train_param(self.param), *nets.test_params(self.param)]
        check(self.param)
        if seed is None and self.param.random_seed >= 0:
            seed = self.param.random_seed
        self.net, *self.test_nets = [Net(param, engine=self.engine, seed=seed) for param in params]
        nets.prepare([self.net, *self.test_nets], self.param.weights, fill)
        self.learnable: list[Param] = [p for p in self.net.all_params() if p.owner is p]
        self.history = [Blob(p.name, p.shape, self.engine.dtype)
                        for _ in range(self.rule.histories) for p in self.learnable]
        self.iter = self.current_step = 0
        self.losses: deque[float] = deque(maxlen=self.param.average_loss)
        self.report = report or (lambda event: None)
        self.request: Callable[[], str | None] = lambda: None
        self.stopped = False
        self._scratch = Memory(max((p.count for p in self.learnable), default=0), self.engine.dtype)

    @property
    def lr(self) -> float:
        """The learning rate of the iteration `iter`, the next to be run."""
        return rates.rate(self.param, self.iter, rates.next_step(self.param, self.iter, self.current_step))

    @property
    def smoothed_loss(self) -> float:
        """The mean loss of the last `average_loss` iterations since `step` was called."""
        return sum(self.losses) / max(len(self.losses), 1)

    # -- running --------------------------------------------------------------------------------------

    def solve(self, resume: str | Path | None = None) -> None:
        """Train to max_iter, perhaps from a .solverstate, with Caffe's last snapshot, display and test."""
        if self.param.snapshot_after_train:
            snapshots.check(self.param)
        if resume is not None:
            self.restore(resume)
        self.step(self.param.max_iter - self.iter)
        if self.param.snapshot_after_train and not self._due(self.param.snapshot):
            self.snapshot()
        if self.stopped:
            return
        if self._due(self.param.display):
            self.losses.append(self.net.forward())
            self.report(Displayed(self.iter, self.smoothed_loss))
        if self._due(self.param.test_interval):
            self.test()

    def step(self, n: int) -> None:
        """Run n iterations: each tests and displays when due, computes the gradients, updates, and snapshots when due.

        The loss that is displayed is that before the update.
        """
        self.losses.clear()
        self.stopped = False
        for _ in range(n):
            if self._due(self.param.test_interval) and (self.iter or self.param.test_initialization):
                self.test()
            self.losses.append(self._gradients())
            if self._due(self.param.display):
                self.report(Displayed(self.iter, self.smoothed_loss, self.lr, outputs_of(self.net)))
            self._update()
            request = self.request()
            if request == 'snapshot' or self._due(self.param.snapshot):
                self.snapshot()
            if request == 'stop':
                self.stopped = True
                return

    def test(self) -> list[Tested]:
        """Run each test net over its test_iter batches; the events are reported and returned."""
        events = []
        for i, (net, batches) in enumerate(zip(self.test_nets, self.param.test_iter, strict=True)):
            outputs, loss = mean_outputs(net, batches)
            events.append(Tested(self.iter, i, outputs, loss if self.param.test_compute_loss else None))
            self.report(events[-1])
        return events

    def snapshot(self) -> str:
        """Write the weights and the state; returns the path of the .solverstate. Raises SolverError."""
        weights, state = snapshots.write(self)
        self.report(Snapshotted(self.iter, weights, state))
        return state

    def restore(self, path: str | Path) -> None:
        """Continue from a .solverstate, of ours or of BVLC Caffe. Raises SolverError."""
        snapshots.restore(self, path)

    def _due(self, every: int) -> bool:
        return every > 0 and self.iter % every == 0

    # -- one iteration ----------------------------------------------------------------------------------

    def _gradients(self) -> float:
        """Sum the gradients of iter_size passes in the parameters' diffs; returns the mean loss."""
        self.net.clear_param_diffs()
        loss = 0.0
        for _ in range(self.param.iter_size):
            loss += self.net.forward()
            self.net.backward()
        return loss / self.param.iter_size

    def _update(self) -> None:
        rate = self.lr
        self._clip()
        for i, param in enumerate(self.learnable):
            scratch = Tensor(param.shape, self._scratch)
            history = [blob.values for blob in self.history[i::len(self.learnable)]]
            if self.param.iter_size > 1:
                self.engine.axpby(1 / self.param.iter_size, param.diffs, 0, out=param.diffs)
            self._regularize(param, scratch)
            self.rule(param.diffs, rate * param.lr_mult, self.iter + 1, history, scratch)
            self.engine.axpby(-1, param.diffs, 1, out=param.values)
        self.current_step = rates.next_step(self.param, self.iter, self.current_step)
        self.iter += 1

    def _clip(self) -> None:
        """Scale the summed gradients down to the norm clip_gradients, taken over all parameters together."""
        limit = self.param.clip_gradients
        if limit < 0:
            return
        square = self.engine.tensor(1)
        for param in self.learnable:
            flat = param.diffs.reshape(-1)
            self.engine.dot(flat, flat, out=square, accumulate=True)
        norm = sqrt(square.item())
        if norm > limit:
            self.report(Clipped(self.iter, norm))
            for param in self.learnable:
                self.engine.axpby(limit / norm, param.diffs, 0, out=param.diffs)

    def _regularize(self, param: Param, scratch: Tensor) -> None:
        """Add the gradient of decay / 2 |w|^2 (L2) or decay |w| (L1)."""
        decay = self.param.weight_decay * param.decay_mult
        if not decay:
            return
        term = param.values
        if self.param.regularization_type == 'L1':
            self.engine.unary('sign', term, out=scratch)
            term = scratch
        self.engine.axpby(decay, term, 1, out=param.diffs)


def read(source: str | Path | SolverParameter) -> SolverParameter:
    """The SolverParameter of a file, with its snapshot prefix completed, or a copy of the one given."""
    if isinstance(source, SolverParameter):
        return upgrade_solver(source)
    param = read_solver(source)
    snapshots.set_prefix(param, source)
    return param


def check(param: SolverParameter) -> None:
    """Raises SolverError, in Caffe's words where it has any, for fields with which training cannot run."""
    rates.check(param)
    kind = param.regularization_type
    if kind not in REGULARIZATIONS:
        raise SolverError(f'Unknown regularization type: {kind}{meant(kind, REGULARIZATIONS)} '
                          f"(known types: {', '.join(REGULARIZATIONS)})")
    for field in ('iter_size', 'average_loss'):
        if getattr(param, field) <= 0:
            raise SolverError(f'{field} must be > 0, found {getattr(param, field)}')
    if param.snapshot:
        snapshots.check(param)
