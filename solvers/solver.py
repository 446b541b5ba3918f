"""Solver: trains a net as a SolverParameter says, in BVLC Caffe's order of operations."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Literal

import numpy as np

from ..netlib import Net
from ..netlib.blob import Param
from ..netlib.engines import Engine, make_engine
from ..netlib.errors import SolverError
from ..netlib.memory import Tensor
from ..netlib.ranks import Ranks
from ..proto import read_solver, upgrade_solver
from ..proto.caffe_pb2 import SolverParameter
from . import debug, rates, rules, snapshots, update
from . import solver_nets as nets
from .averaging import Averaging
from .events import (
    Clipped,
    Displayed,
    NotFinite,
    Rated,
    Report,
    Snapshotted,
    Stepped,
    Tested,
    mean_outputs,
    outputs_of,
)
from .rules import RULES

LOOK = 100  # iterations
LEAST = {'iter_size': 1, 'average_loss': 1, 'max_iter': 0, 'display': 0, 'snapshot': 0}
Callback = tuple[Callable[[], object], Callable[[], object]]


class Solver:
    """Training: the train net and the test nets, the iteration, and what the update rule remembers.

    `source`: a path to a solver prototxt, or a SolverParameter. Paths in it are taken from the
    current directory. `engine` computes; solver_mode and device_id are not looked at. `seed`: None
    takes random_seed, if that is given. `fill(net)` fills the parameters of a net that was just
    built, before `weights` are loaded, such as `lambda net: goodinit.fill(net, rng)`; without it
    they start at zero. `report` receives the events of events.py.

    `on_nan` says what follows on a loss, or a norm of gradients that clip_gradients has asked for,
    that is not finite: 'stop' raises SolverError, before such numbers reach a snapshot; 'warn'
    reports NotFinite once and goes on; None goes on, as Caffe does. Where results lie on a device,
    to read one would hold up the training: there it is looked at in the iterations that display,
    without `display` in each that is a multiple of LOOK, and at each snapshot.

    `request()` is asked after each iteration, for None, 'snapshot' (write one now) or 'stop' (end
    `step`, and `solve` after its last snapshot; `stopped` is then True). A program that handles
    signals puts its own in its place. `ranks` train together (Caffe's several GPUs): each computes
    the gradients of a batch of its own share of the data, all take the same step by their mean.
    Only rank 0 reports, tests, and writes snapshots. With `share_memory` the nets take less of it:
    what passes leave in blobs in between is not all there to be read then (Net.share_diffs of the
    train net, Net.share_memory of test nets); not with debug_info, which looks there. `callbacks`
    are pairs (on_start, on_gradients_ready), called before and after the gradients of each
    iteration.

    `history` holds the blobs of the update rule as a .solverstate orders them. Parameters that
    share memory are updated once: `learnable` are their owners.

    Raises SolverError for fields that make no sense, ProtoError for files, NetError for nets.
    """

    def __init__(
        self,
        source: str | Path | SolverParameter,
        *,
        engine: Engine | str = 'fast',
        seed: int | None = None,
        fill: nets.Fill | None = None,
        report: Report | None = None,
        on_nan: Literal['stop', 'warn'] | None = None,
        ranks: Ranks | None = None,
        share_memory: bool = False,
    ):
        self.param = read(source)
        self.engine = make_engine(engine) if isinstance(engine, str) else engine
        check(self.param)
        params = [nets.train_param(self.param), *nets.test_params(self.param)]
        rates.check(self.param)  # after the nets, as Caffe, which asks when it needs a rate
        if seed is None and self.param.random_seed >= 0:
            seed = self.param.random_seed
        self.ranks = ranks or Ranks()
        seed = self.ranks.from_first(np.random.SeedSequence(seed).entropy)
        self.net = Net(params[0], engine=self.engine, seed=seed, ranks=self.ranks)
        self.test_nets = [Net(param, engine=self.engine, seed=seed) for param in params[1:]]
        snapshots.check_net(self.param, self.net)
        nets.prepare([self.net, *self.test_nets], self.param.weights, fill)
        nets.take_from_first(self.net)
        if share_memory and not self.param.debug_info:
            nets.share_memory(self.net, self.test_nets)
        self.learnable: list[Param] = [p for p in self.net.all_params() if p.owner is p]
        overlap = self.param.layer_wise_reduce and self.param.iter_size == 1
        self.averaging = Averaging(self.net, self.learnable, overlap)
        self.update = update.Update(RULES[self.param.type](self.engine, self.param), self.learnable)
        self.history = self.update.history
        self.iter = self.current_step = 0
        self.losses: deque[float | Tensor] = deque(maxlen=self.param.average_loss)
        self.report: Report = report if report and not self.ranks.rank else lambda event: None
        self.on_nan = on_nan
        self.request: Callable[[], str | None] = lambda: None
        self.callbacks: list[Callback] = []
        self.stopped = self.resumed = self._warned = False
        self._debug = self.net.param.debug_info

    @property
    def lr(self) -> float:
        """The learning rate of the iteration `iter`, the next to be run."""
        return rates.rate(
            self.param, self.iter, rates.next_step(self.param, self.iter, self.current_step)
        )

    @property
    def smoothed_loss(self) -> float:
        """The mean loss of the last `average_loss` iterations since `step` was called, here or in
        the run resumed."""
        return sum(map(float, self.losses)) / max(len(self.losses), 1)

    # -- running

    @np.errstate(all='ignore')  # on_nan says what is to be said of such numbers
    def solve(self, resume: str | Path | None = None) -> None:
        """Train to max_iter, perhaps from a .solverstate, with Caffe's last snapshot, display and
        test."""
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
            self.losses.append(self._forward())
            self.report(Displayed(self.iter, self.smoothed_loss))
        if self._due(self.param.test_interval):
            self.test()

    @np.errstate(all='ignore')
    def step(self, n: int) -> None:
        """Run n iterations: each tests and displays when due, computes the gradients, updates, and
        snapshots when due.

        The loss that is displayed is that before the update.
        """
        if not self.resumed:
            self.losses.clear()
        self.stopped = self.resumed = False
        for _ in range(n):
            if self._due(self.param.test_interval) and (
                self.iter or self.param.test_initialization
            ):
                self.test()
            self.losses.append(self._gradients())
            if self._due(self.param.display):
                self.report(Displayed(self.iter, self.smoothed_loss, outputs_of(self.net)))
            for _, on_gradients_ready in self.callbacks:
                on_gradients_ready()
            self.apply_update()
            request = self.ranks.from_first(self.request())
            if request == 'snapshot' or self._due(self.param.snapshot):
                self.snapshot()
            if request == 'stop':
                self.stopped = True
                return

    @np.errstate(all='ignore')
    def test(self) -> list[Tested]:
        """Run each test net over its test_iter batches; the events are reported and returned. Only
        on rank 0."""
        if self.ranks.rank:
            return []
        forward = (
            partial(debug.forward, report=self.report) if self.param.debug_info else Net.forward
        )
        events = []
        for i, (net, batches) in enumerate(zip(self.test_nets, self.param.test_iter, strict=True)):
            outputs, loss = mean_outputs(net, batches, forward)
            events.append(
                Tested(self.iter, i, outputs, loss if self.param.test_compute_loss else None)
            )
            self.report(events[-1])
        return events

    def snapshot(self) -> str:
        """Write a snapshot (snapshots.py says what); returns the path of the .solverstate. Raises
        SolverError."""
        if self.on_nan == 'stop' and (
            name := debug.first_not_finite(*map(debug.parameters, self.net.layers))
        ):
            raise self._not_finite(
                f'{name} holds numbers that are not finite, and no snapshot is written'
            )
        weights, state = snapshots.write(self)
        self.report(Snapshotted(self.iter, weights, state))
        return state

    def restore(self, path: str | Path) -> None:
        """Continue from a .solverstate, of ours or of BVLC Caffe. Raises SolverError."""
        snapshots.restore(self, path)

    def share_weights(self, net: Net) -> None:
        """Let another net compute with the train net's parameters. Raises NetError where a layer's
        do not fit."""
        nets.share_weights(self.net, net)

    def _due(self, every: int) -> bool:
        return every > 0 and self.iter % every == 0

    def _looks(self) -> bool:
        """Whether numbers that an engine has computed are read in this iteration."""
        return not self.engine.on_device or self._due(self.param.display or LOOK)

    # -- one iteration

    def _gradients(self) -> Tensor:
        """Sum the gradients of iter_size passes in the parameters' diffs; returns the mean loss."""
        self.update.clear()
        for on_start, _ in self.callbacks:
            on_start()
        self._debug = self.param.debug_info and self._due(self.param.display)
        loss = self.engine.tensor(1)
        for _ in range(self.param.iter_size):
            self.engine.axpby(1 / self.param.iter_size, self._forward(), 1, out=loss)
            if self._debug:
                debug.backward(self.net, self.report)
            else:
                self.net.backward()
        self.averaging.finish()
        return loss

    def _forward(self) -> Tensor:
        loss = debug.forward(self.net, self.report) if self._debug else self.net.run()
        self._check('the loss', loss)
        return loss

    def apply_update(self) -> None:
        """Change the parameters by their gradients (`diff`), which are then spent, and count the
        iteration."""
        before, self.current_step = (
            self.current_step,
            rates.next_step(self.param, self.iter, self.current_step),
        )
        if self.param.lr_policy == 'multistep' and self.current_step > before:
            self.report(Stepped(self.iter, self.current_step))
        rate = rates.rate(self.param, self.iter, self.current_step)
        if self._due(self.param.display):
            self.report(Rated(self.iter, rate))
        norm, limit = self.update.clip(), self.param.clip_gradients
        if norm is not None and self._looks():
            self._check('the norm of the gradients', norm)
            if float(norm) > limit:
                self.report(Clipped(self.iter, float(norm), limit))
        self.update(rate, self.iter + 1)
        self.iter += 1

    # -- numbers that are not finite

    def _check(self, what: str, number: Tensor) -> None:
        if (
            self.on_nan is None
            or self._warned
            or not self._looks()
            or isfinite(value := float(number))
        ):
            return
        where = debug.first_not_finite(debug.forward_values(self.net), debug.gradients(self.net))
        error = self._not_finite(
            f'{what} is {value:g}' + (f'; the first that is not finite: {where}' if where else '')
        )
        if self.on_nan == 'stop':
            raise error
        self._warned = True
        self.report(NotFinite(self.iter, str(error)))

    def _not_finite(self, found: str) -> SolverError:
        clip = '' if self.param.clip_gradients > 0 else 'clip_gradients, '
        return SolverError(
            f'iteration {self.iter}: {found}. Try a lower base_lr (now {self.param.base_lr:g}), {clip}'
            'or weights initialized from data (--init lsuv)'
        )


def read(source: str | Path | SolverParameter) -> SolverParameter:
    """The SolverParameter of a file, checked and with its snapshot prefix completed, or a copy of
    the one given."""
    if isinstance(source, SolverParameter):
        return upgrade_solver(source)
    param = read_solver(source)
    snapshots.set_prefix(param, source)
    try:
        check(param)
    except SolverError as error:
        raise SolverError(f'{source}: {error}') from error
    return param


def check(param: SolverParameter) -> None:
    """Raises SolverError, in Caffe's words where it has any, for fields with which training cannot
    run."""
    rules.check(param)
    nets.check(param)
    update.check(param)
    for field in LEAST:
        check_least(param, field)
    if param.snapshot:
        snapshots.check(param)


def check_least(param: SolverParameter, field: str) -> None:
    """Raises SolverError for a number that is less than LEAST has it."""
    if getattr(param, field) < LEAST[field]:
        raise SolverError(
            f'{field} must be {"> 0" if LEAST[field] else ">= 0"}, found {getattr(param, field)}'
        )
