"""Solver: trains a net according to a SolverParameter, in BVLC Caffe's order of operations."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ..netlib import Net
from ..netlib.blob import Blob, Param
from ..netlib.engines import Engine, make_engine
from ..netlib.losses import mean_loss
from ..netlib.memory import Tensor
from ..netlib.ranks import Ranks
from ..proto.caffe_pb2 import SolverParameter
from . import debug, rates, shown, solver_nets, zero_weights
from .averaging import Averaging
from .events import (
    Clipped,
    Displayed,
    Rated,
    Report,
    Snapshotted,
    Stepped,
    Tested,
    ignore,
    mean_outputs,
    outputs_of,
)
from .not_finite import FiniteGuard, OnNaN
from .rules import RULES
from .snapshot_files import check_format, check_prefix
from .snapshots import restore_snapshot, write_snapshot
from .solver_nets import Fill
from .solver_param import check_solver_param, read_solver_param
from .state import TrainingState
from .update import Update

LOOK = 100  # iterations
Callback = tuple[Callable[[], object], Callable[[], object]]


class Solver(shown.Shown):
    """Training: the train net and the test nets, the iteration, and the update rule's state.

    `source`: a path to a solver prototxt, or a SolverParameter. Paths in it are relative to the
    current directory. `engine` computes; solver_mode and device_id are ignored. `seed`: None uses
    random_seed, if given. `fill(net)` fills the parameters of a newly built net before `weights`
    are loaded; without it, its fillers do, as in Caffe. `report` receives the events of events.py.

    `on_nan` says what to do about a loss, or a norm of gradients computed for clip_gradients, that
    is not finite: 'stop' raises SolverError before such numbers reach a snapshot; 'warn' reports
    NotFinite once and continues; None continues, as Caffe does. On a device, results are read only
    in iterations that display (without `display`, in multiples of LOOK) and at each snapshot.

    `request()` is called after each iteration. It returns None, 'snapshot' (write one now) or
    'stop' (end `step`, and `solve` after its last snapshot; `stopped` is then True). A program that
    handles signals replaces it. `ranks` train together: each computes the gradients of a batch from
    its share of the data, and all take the same step by their mean. Only rank 0 reports, tests, and
    writes snapshots. `share_memory` saves memory, but intermediate blobs then do not keep their
    contents (Net.share_diffs for the train net, Net.share_memory for test nets); it has no effect
    with debug_info, which reads these blobs. `callbacks` are pairs (on_start, on_gradients_ready),
    called before and after the gradients of each iteration.

    `state` is the content of a snapshot. Parameters that share memory are updated once: `learnable`
    holds their owners. They and `history` are side by side in memory (Update.lay_side_by_side).

    Raises SolverError for fields that make no sense, ProtoError for files, NetError for nets.
    """

    def __init__(
        self,
        source: str | Path | SolverParameter,
        *,
        engine: Engine | str = 'fast',
        seed: int | None = None,
        fill: Fill | None = None,
        report: Report | None = None,
        on_nan: OnNaN = None,
        ranks: Ranks | None = None,
        share_memory: bool = False,
    ):
        self.param = read_solver_param(source)
        check_solver_param(self.param)
        self.engine = make_engine(engine) if isinstance(engine, str) else engine
        self.ranks = ranks or Ranks()
        self.nets = solver_nets.build_nets(self.param, self.engine, self.ranks, seed)
        check_format(self.param, self.nets.train)
        self.net = self.nets.train
        self.test_nets = self.nets.tests
        solver_nets.initialize_nets(self.nets, self.param, fill, seed)
        self.zeros = zero_weights.ZeroWeights(self.net)
        if share_memory and not self.param.debug_info:
            solver_nets.share_memory(self.nets)
        self._prepare_updates()
        self.guard = FiniteGuard(self.param, self.net, on_nan)
        self.report: Report = report or ignore
        if self.ranks.rank:
            self.report = ignore
        self.request: Callable[[], str | None] = lambda: None
        self.callbacks: list[Callback] = []
        self.stopped = False
        self._debug = self.net.param.debug_info

    def _prepare_updates(self) -> None:
        self.learnable: list[Param] = [p for p in self.net.all_params() if p.owner is p]
        overlap = self.param.layer_wise_reduce and self.param.iter_size == 1
        self.averaging = Averaging(self.net, self.learnable, overlap)
        rule = RULES[self.param.type](self.engine, self.param)
        self.update = Update(rule, self.learnable)
        self.update.lay_side_by_side()
        losses: deque[float | Tensor] = deque(maxlen=self.param.average_loss)
        self.state = TrainingState(self.update.history, losses)

    # -- inspection

    @property
    def iter(self) -> int:
        """The number of updates so far, which is the number, from 0, of the next iteration."""
        return self.state.iter

    @iter.setter
    def iter(self, iteration: int) -> None:
        self.state.iter = iteration

    @property
    def current_step(self) -> int:
        """The number of steps that lr_policy multistep has taken."""
        return self.state.current_step

    @property
    def history(self) -> list[Blob]:
        """The blobs of the update rule, in the order of a .solverstate."""
        return self.state.history

    @property
    def lr(self) -> float:
        """The learning rate of the next iteration."""
        step = rates.next_step(self.param, self.iter, self.current_step)
        return rates.rate(self.param, self.iter, step)

    @property
    def smoothed_loss(self) -> float:
        """The mean loss of the last `average_loss` iterations of `step`, or of the run resumed."""
        return self.state.smoothed_loss

    # -- running

    @np.errstate(all='ignore')  # on_nan decides what to do about such numbers
    def solve(self, resume: str | Path | None = None) -> None:
        """Train to max_iter, optionally from a .solverstate, with Caffe's last snapshot, display
        and test."""
        if self.param.snapshot_after_train:
            check_prefix(self.param)
        if resume is not None:
            self.restore(resume)
        self.step(self.param.max_iter - self.iter)
        if self.param.snapshot_after_train and not self._due(self.param.snapshot):
            self.snapshot()
        if self.stopped:
            return
        if self._due(self.param.display):
            self.state.losses.append(self._forward())
            self.report(Displayed(self.iter, self.smoothed_loss))
        if self._due(self.param.test_interval):
            self.test()

    @np.errstate(all='ignore')
    def step(self, n: int) -> None:
        """Run n iterations: each tests and displays when due, computes the gradients, updates, and
        snapshots when due.

        The displayed loss is the loss before the update.
        """
        self.zeros.warn()
        self.state.begin_run()
        self.stopped = False
        for _ in range(n):
            if self._tests_now():
                self.test()
            self.state.losses.append(self._gradients())
            if self._due(self.param.display):
                outputs = outputs_of(self.net)
                self.report(Displayed(self.iter, self.smoothed_loss, outputs))
            for _, on_gradients_ready in self.callbacks:
                on_gradients_ready()
            self.apply_update()
            request = self.ranks.from_first(self.request())
            if request == 'snapshot' or self._due(self.param.snapshot):
                self.snapshot()
            if request == 'stop':
                self.stopped = True
                return

    def _tests_now(self) -> bool:
        is_wanted = self.iter > 0 or self.param.test_initialization
        return is_wanted and self._due(self.param.test_interval)

    def _due(self, every: int) -> bool:
        return every > 0 and self.iter % every == 0

    # -- one iteration

    def _gradients(self) -> Tensor:
        """Sum the gradients of iter_size passes in the parameters' diffs; returns the mean loss."""
        self.update.clear()
        for on_start, _ in self.callbacks:
            on_start()
        self._debug = self.param.debug_info and self._due(self.param.display)
        losses = [self._pass() for _ in range(self.param.iter_size)]
        self.averaging.finish()
        return mean_loss(self.engine, losses)

    def _forward(self) -> Tensor:
        loss = debug.forward(self.net, self.report) if self._debug else self.net.run()
        if self._reads_numbers():
            self._check_finite('the loss', loss)
        return loss

    def _pass(self) -> Tensor:
        loss = self._forward()
        if self._debug:
            debug.backward(self.net, self.report)
        else:
            self.net.backward()
        return loss

    def apply_update(self) -> None:
        """Update the parameters from their gradients (`diff`), which are then invalid, and count
        the iteration."""
        rate = self._next_rate()
        norm = self.update.clip()
        limit = self.param.clip_gradients
        if norm is not None and self._reads_numbers():
            self._check_finite('the norm of the gradients', norm)
            if float(norm) > limit:
                self.report(Clipped(self.iter, float(norm), limit))
        self.update(rate, self.iter + 1)
        self.iter += 1

    def _next_rate(self) -> float:
        """Count the step of lr_policy multistep, if one is due; returns the rate of this update."""
        before = self.current_step
        self.state.current_step = rates.next_step(self.param, self.iter, before)
        if self.param.lr_policy == 'multistep' and self.current_step > before:
            self.report(Stepped(self.iter, self.current_step))
        rate = rates.rate(self.param, self.iter, self.current_step)
        if self._due(self.param.display):
            self.report(Rated(self.iter, rate))
        return rate

    def _reads_numbers(self) -> bool:
        """Whether results of the engine are read in this iteration, which delays training on a
        device."""
        return not self.engine.on_device or self._due(self.param.display or LOOK)

    def _check_finite(self, what: str, number: Tensor) -> None:
        if self.guard.watches:
            event = self.guard.check_number(self.iter, what, float(number))
            if event:
                self.report(event)

    # -- tests, snapshots, weights

    @np.errstate(all='ignore')
    def test(self) -> list[Tested]:
        """Run each test net over its test_iter batches; the events are reported and returned. Only
        on rank 0."""
        if self.ranks.rank:
            return []
        debugging = partial(debug.forward, report=self.report)
        forward = debugging if self.param.debug_info else Net.run
        events = []
        for i, net in enumerate(self.test_nets):
            outputs, loss = mean_outputs(net, self.param.test_iter[i], forward)
            shown_loss = loss if self.param.test_compute_loss else None
            event = Tested(self.iter, i, outputs, shown_loss)
            self.report(event)
            events.append(event)
        return events

    def snapshot(self) -> str:
        """Write a snapshot (see snapshots.py); returns the path of the .solverstate. Raises
        SolverError."""
        self.guard.check_parameters(self.iter)
        weights, state = write_snapshot(self.param, self.nets, self.state)
        self.report(Snapshotted(self.iter, weights, state))
        return state

    def restore(self, path: str | Path) -> None:
        """Continue from a .solverstate, written by us or by BVLC Caffe. Raises SolverError."""
        restore_snapshot(self.param, self.nets, self.state, path)

    def share_weights(self, net: Net) -> None:
        """Let another net compute with the train net's parameters. Raises NetError."""
        solver_nets.share_weights(self.net, net)
