"""All that is wrong with a solver prototxt: its fields, and its nets in the states in which it runs
them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ...feeding.net_file import find_net
from ...netlib.errors import GoodinitError, SolverError
from ...netlib.shapes import Shape
from ...proto import ProtoError, existing_file, read_text, upgrade_solver
from ...proto.caffe_pb2 import NetParameter, SolverParameter
from ...solvers import rates, rules, snapshots, update
from ...solvers import solver_nets as nets
from ...solvers.solver import LEAST, check_least
from .file import NetLint
from .findings import Finding, found
from .text import field_lines, parse_as, words_on
from .warnings import Noting

INLINE = {'net': 'net_param', 'train_net': 'train_net_param', 'test_net': 'test_net_param'}


class SolverLint:
    """A solver as its text has been read, and what is found in it and in its nets, whose files are
    read from its own folder where they are not in the current one.

    text: the file, called `path`. errors: those of the text. shape: (C, H, W) of the images where
    it cannot be told.
    """

    def __init__(
        self,
        solver: SolverParameter,
        text: str,
        path: str,
        errors: list[ProtoError],
        shape: Shape | None = None,
    ):
        self.text, self.path, self.errors, self.shape = text, path, errors, shape
        self.lines = field_lines(text)
        self.findings = [found(error, path) for error in errors]
        self.damaged = words_on(text, [finding.line for finding in self.findings])
        try:
            solver = upgrade_solver(solver)
        except ProtoError as error:
            self._add(found(error, path), solver)
        self.consistent = self._check_fields(solver)
        self.lints: dict[str, list[NetLint]] = {}
        self.solver = self._with_nets(solver)

    def check(self) -> list[Finding]:
        """Everything found, in the solver and in its nets."""
        if self.consistent:
            self._check_in_states()
        else:
            for lint in self._all_lints():
                lint.in_both_phases(0, [])
        for message in solver_warnings(self.solver):
            self._add(Finding(self.path, 0, message, warning=True), self.solver)
        return [
            *self.findings,
            *(finding for lint in self._all_lints() for finding in lint.findings),
        ]

    def _all_lints(self) -> list[NetLint]:
        return [lint for lints in self.lints.values() for lint in lints]

    # -- fields

    def _check_fields(self, solver: SolverParameter) -> bool:
        """Note what is wrong with the fields; returns whether those that name nets agree."""
        param = SolverParameter()
        param.CopyFrom(solver)
        snapshots.set_prefix(param, self.path)
        self._try(partial(rates.check, param), param)
        self._try(partial(update.check, param), param)
        self._try(partial(rules.check, param), param)
        if param.snapshot or param.snapshot_after_train:
            self._try(partial(snapshots.check, param), param)
        for path in filter(None, map(str.strip, ','.join(param.weights).split(','))):
            self._try(partial(existing_file, path), param, 'weights')
        for field in LEAST:
            self._try(partial(check_least, param, field), param)
        return self._try(partial(nets.check, solver), solver)

    def _try(self, check: Callable[[], object], solver: SolverParameter, field: str = '') -> bool:
        """Note what a check raises, at the line of `field` where it is given; returns whether it
        raised nothing."""
        try:
            check()
            return True
        except GoodinitError as error:
            finding = found(error, self.path)
            self._add(replace(finding, line=self.lines.get(field, finding.line)), solver)
            return False

    def _add(self, finding: Finding, solver: SolverParameter) -> None:
        """Note a finding, unless it may come from what could not be read of the text: it names a
        field that stands there."""
        if not self.damaged.intersection(re.findall(r'\w+', finding.message)):
            self.findings.append(self._at(finding, solver))

    def _at(self, finding: Finding, solver: SolverParameter) -> Finding:
        """The finding at the line of the field that it is about: the one that it begins with, else
        one whose value it names, else one that it names."""
        values = {
            field.name: value
            for field, value in solver.ListFields()
            if isinstance(value, str) and value
        }
        words = [
            *((name, value, 1) for name, value in values.items()),
            *((name, name, 2) for name in self.lines),
        ]
        places = [
            (rank if rank == 1 or match.start() else 0, match.start(), self.lines[name])
            for name, word, rank in words
            if name in self.lines
            if (match := re.search(rf'(?<!\w){re.escape(word)}(?!\w)', finding.message))
        ]
        line = finding.line or min(places, default=(0, 0, 1))[2]
        return replace(finding, line=line)

    # -- nets

    def _with_nets(self, solver: SolverParameter) -> SolverParameter:
        """The solver with its nets inside, whose files are read; each has its NetLint."""
        out = SolverParameter()
        out.CopyFrom(solver)
        for field, inline in INLINE.items():
            lints = [
                NetLint(net, self.text, self.path, self.errors, self.shape)
                for net in given(solver, inline)
            ]
            lints += [lint for name in given(solver, field) for lint in self._read(name, field)]
            out.ClearField(field)
            out.ClearField(inline)
            for lint in lints:
                into = getattr(out, inline)
                (into.add() if field == 'test_net' else into).CopyFrom(lint.param)
            self.lints[field] = lints
        return out

    def _read(self, name: str, field: str) -> Iterator[NetLint]:
        try:
            path = str(find_net(name, Path(self.path)))
            text = read_text(path)
            net, errors = parse_as(NetParameter(), text, path)
            yield NetLint(net, text, path, errors, self.shape)
        except GoodinitError as error:
            self.findings.append(
                replace(found(error, self.path), file=self.path, line=self.lines.get(field, 1))
            )
            self.consistent = False

    def _check_in_states(self) -> None:
        main = (self.lints['train_net'] + self.lints['net'])[0]
        tests = nets.test_params(self.solver)
        lints = self.lints['test_net'] + [main] * (len(tests) - len(self.lints['test_net']))
        train = main.in_state(nets.train_param(self.solver).state, trains=True)
        if train:
            self._try(partial(snapshots.check_net, self.solver, train), self.solver)
        for lint, param in zip(lints, tests, strict=True):
            test = lint.in_state(param.state, trains=False)
            if train and test:
                self._try(partial(nets.share_weights, train, test), self.solver)


def given(solver: SolverParameter, field: str) -> list:
    """The values of a field: of a list, all; else the one that is set, if it is."""
    value = getattr(solver, field)
    return list(value) if hasattr(value, 'extend') else [value] * solver.HasField(field)


def solver_warnings(solver: SolverParameter) -> Iterator[str]:
    """Fields of a solver that are of no effect, or not of the one that was surely meant."""
    if solver.test_interval and not solver.test_iter:
        yield f'test_interval: found {solver.test_interval}, but no test_iter: nothing is tested'
    if list(solver.stepvalue) != sorted(solver.stepvalue):
        yield f'stepvalue: found {", ".join(map(str, solver.stepvalue))}, needed: in rising order'
    if not solver.HasField('max_iter'):
        yield 'max_iter: needed, the number of iterations; without it there are none'
    noting: Any = Noting(solver)
    try:
        rates.check(solver)
        step = rates.next_step(noting, 1, 0)
        later = rates.rate(noting, 1, max(step, 1))
    except SolverError:
        return
    if not later and 'gamma' in noting.noted:
        yield f'gamma: found {solver.gamma:g}, needed: more than 0; the rate is 0 after the first step'
    for field in ('gamma', 'power', 'stepsize', 'stepvalue'):
        if field not in noting.noted and field in [given.name for given, _ in solver.ListFields()]:
            yield f"{field}: lr_policy '{solver.lr_policy}' does not read it"
