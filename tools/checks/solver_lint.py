"""Everything that is wrong with a solver prototxt: its fields, and its nets in the states in which
it runs them."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path

from ...feeding.net_file import find_net
from ...netlib.errors import GoodinitError
from ...netlib.shapes import Shape
from ...proto import ProtoError, existing_file, read_text, upgrade_solver
from ...proto.caffe_pb2 import NetParameter, SolverParameter
from ...solvers import rates, snapshot_files, solver_nets
from ...solvers.rules import check_rule
from ...solvers.solver_param import LEAST, check_least
from ...solvers.update import check_regularization
from .findings import Finding, found
from .net_lint import NetLint
from .parse import parse_as
from .solver_warnings import solver_warnings
from .tokens import field_lines, words_on

# The fields that name nets, and those that hold them.
INLINE = {'net': 'net_param', 'train_net': 'train_net_param', 'test_net': 'test_net_param'}
# How closely a message is about a field: it begins with its name, has its value, has its name.
BEGINS, HAS_VALUE, HAS_NAME = range(3)


class SolverLint:
    """A solver as its text was read, and what is wrong with it and its nets.

    solver: what could be read of `text`, the file called `path`. errors: those of the text. shape:
    (C, H, W) of the images where the prototxt does not tell it. The files of nets are read from the
    current folder, or else from the solver's own.
    """

    def __init__(
        self,
        solver: SolverParameter,
        text: str,
        path: str,
        errors: list[ProtoError],
        shape: Shape | None = None,
    ):
        self.solver = solver
        self.text = text
        self.path = path
        self.errors = errors
        self.shape = shape
        self.lines = field_lines(text)
        self.findings = [found(error, path) for error in errors]
        self.damaged = words_on(text, [finding.line for finding in self.findings])
        self.nets: dict[str, list[NetLint]] = {}

    def check(self) -> list[Finding]:
        """Everything found, in the solver and in its nets."""
        self._upgrade()
        consistent = self._check_fields()
        readable = self._read_nets()
        nets = list(chain.from_iterable(self.nets.values()))
        if consistent and readable:
            self._check_in_states()
        else:
            for net in nets:
                net.in_both_phases(0, [])
        for message in solver_warnings(self.solver):
            self._add(Finding(self.path, 0, message, warning=True))
        findings = list(self.findings)
        for net in nets:
            findings += net.findings
        return findings

    def _upgrade(self) -> None:
        try:
            self.solver = upgrade_solver(self.solver)
        except ProtoError as error:
            self._add(found(error, self.path))

    # -- fields

    def _check_fields(self) -> bool:
        """Note what is wrong with the fields; returns whether those that name nets agree."""
        param = SolverParameter()
        param.CopyFrom(self.solver)
        snapshot_files.set_prefix(param, self.path)
        self._passes(rates.check_rates, param)
        self._passes(check_regularization, param)
        self._passes(check_rule, param)
        if param.snapshot or param.snapshot_after_train:
            self._passes(snapshot_files.check_prefix, param)
        for path in ','.join(param.weights).split(','):
            if path.strip():
                self._passes(existing_file, path.strip(), field='weights')
        for field in LEAST:
            self._passes(check_least, param, field)
        return self._passes(solver_nets.check_nets, self.solver)

    def _passes(self, check: Callable[..., object], *arguments: object, field: str = '') -> bool:
        """Whether a check raises nothing; what it raises is noted, at the line of `field` if it is
        given."""
        try:
            check(*arguments)
            return True
        except GoodinitError as error:
            finding = found(error, self.path)
            line = self.lines.get(field, finding.line)
            self._add(replace(finding, line=line))
            return False

    def _add(self, finding: Finding) -> None:
        """Note a finding at the line of its field, unless it may only follow from what could not be
        read: it names a field that stands there."""
        if self.damaged.intersection(re.findall(r'\w+', finding.message)):
            return
        line = finding.line or self._line_of_field(finding.message)
        self.findings.append(replace(finding, line=line))

    def _line_of_field(self, message: str) -> int:
        """The line of the field that a message is most closely about; 1 where there is none."""
        values = {field.name: value for field, value in self.solver.ListFields()}
        places: list[tuple[int, int, int]] = []
        for name, line in self.lines.items():
            at = _position(name, message)
            if at is not None:
                places.append((HAS_NAME if at else BEGINS, at, line))
            at = _position(values.get(name), message)
            if at is not None:
                places.append((HAS_VALUE, at, line))
        if not places:
            return 1
        _, _, line = min(places)
        return line

    # -- nets

    def _read_nets(self) -> bool:
        """Read the nets, each into a NetLint, and put them into the solver in place of their names;
        returns whether every file could be read."""
        readable = True
        solver = SolverParameter()
        solver.CopyFrom(self.solver)
        for field, inline in INLINE.items():
            nets = [self._net_lint(net) for net in given(self.solver, inline)]
            for name in given(self.solver, field):
                try:
                    nets.append(self._read_net(name))
                except GoodinitError as error:
                    finding = found(error, self.path)
                    line = self.lines.get(field, 1)
                    self.findings.append(replace(finding, file=self.path, line=line))
                    readable = False
            self.nets[field] = nets
            solver.ClearField(field)
            set_nets(solver, inline, [net.param for net in nets])
        self.solver = solver
        return readable

    def _net_lint(self, net: NetParameter) -> NetLint:
        return NetLint(net, self.text, self.path, self.errors, self.shape)

    def _read_net(self, name: str) -> NetLint:
        path = str(find_net(name, Path(self.path)))
        text = read_text(path)
        net, errors = parse_as(NetParameter(), text, path)
        return NetLint(net, text, path, errors, self.shape)

    def _check_in_states(self) -> None:
        """Check each net in the state in which the solver runs it, and the test nets against the
        train net, whose weights they use."""
        main = [*self.nets['train_net'], *self.nets['net']][0]
        test_params = solver_nets.test_params(self.solver)
        own = self.nets['test_net']
        tests = own + [main] * (len(test_params) - len(own))
        train = main.in_state(solver_nets.train_param(self.solver).state, trains=True)
        if train:
            self._passes(snapshot_files.check_format, self.solver, train)
        for lint, param in zip(tests, test_params, strict=True):
            test = lint.in_state(param.state, trains=False)
            if train and test:
                self._passes(solver_nets.share_weights, train, test)


def _position(word: object, message: str) -> int | None:
    """Where a message has a word on its own; None where it has not, or for what is no word."""
    if not isinstance(word, str) or not word:
        return None
    match = re.search(rf'(?<!\w){re.escape(word)}(?!\w)', message)
    return match.start() if match else None


def given(solver: SolverParameter, field: str) -> list:
    """The values of a field: all of a list; of another field its value, if it is set."""
    value = getattr(solver, field)
    if hasattr(value, 'extend'):
        return list(value)
    return [value] if solver.HasField(field) else []


def set_nets(solver: SolverParameter, field: str, nets: list[NetParameter]) -> None:
    """Set a field that holds a net, or several."""
    solver.ClearField(field)
    value = getattr(solver, field)
    for net in nets:
        if hasattr(value, 'add'):
            value.add().CopyFrom(net)
        else:
            value.CopyFrom(net)
