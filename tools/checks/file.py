"""All that is wrong with the file of a net: its text, and the net in every phase and state in which
it may run."""

import re
from collections.abc import Iterable

from ...netlib import Net, graph
from ...netlib.errors import GoodinitError
from ...netlib.shapes import Shape
from ...proto import ProtoError, forks, upgrade_net
from ...proto.caffe_pb2 import (
    TEST,
    TRAIN,
    LayerParameter,
    NetParameter,
    NetState,
    V1LayerParameter,
)
from .findings import Finding, found
from .net import draft, without
from .text import words_on
from .warnings import layer_warnings, net_warnings


class NetLint:
    """A net as its text has been read, and what is found in it.

    text: the file, called `path`. errors: those of the text. shape: (C, H, W) of the images where
    it cannot be told.
    """

    def __init__(
        self,
        net: NetParameter,
        text: str,
        path: str,
        errors: Iterable[ProtoError],
        shape: Shape | None = None,
    ):
        self.path, self.shape = path, shape
        self.findings = [found(error, path) for error in errors]
        self.damaged = {self._layer_line(net, finding.line) for finding in self.findings}
        self.readable = not self.findings
        self.names = words_on(text, [finding.line for finding in self.findings])
        self.names.update(
            top for layer in net.layer if line_of(layer) in self.damaged for top in layer.top
        )
        self.param = self._upgraded(net)

    def _upgraded(self, net: NetParameter) -> NetParameter:
        problems: list[str] = []
        try:
            net = upgrade_net(net, problems)
            forks.rewrite(net)
        except ProtoError as error:
            self.findings.append(found(error, self.path))
            net = NetParameter()
        self.findings += [
            found(ProtoError(problem), self.path, warning=True) for problem in problems
        ]
        return net

    @staticmethod
    def _layer_line(net: NetParameter, line: int) -> int:
        """Where the layer begins that stands on a line."""
        return max(
            (start for start in map(line_of, [*net.layer, *net.layers]) if start <= line), default=0
        )

    def in_both_phases(self, level: int, stages: Iterable[str]) -> None:
        """Check the net in TRAIN and TEST, but not in a phase that lacks what feeds the net in the
        other."""
        states = [
            graph.net_state(self.param, phase, level, list(stages)) for phase in (TRAIN, TEST)
        ]
        fed = [
            state
            for state in states
            if any(not layer.bottom for layer in self._filtered(state).layer)
        ]
        trains = any(
            rule.HasField('phase') and rule.phase == TRAIN
            for layer in self.param.layer
            for rule in layer.include
        )
        for state in fed or states[:1]:
            self.in_state(state, trains)

    def in_state(self, state: NetState, trains: bool) -> Net | None:
        """Check the net in one state; returns it if all of it can be built."""
        if self.findings and not self.param.layer:
            return None
        param = self._filtered(state)
        net, findings = draft(param, self.path, self.shape)
        whole = net if self.readable and all(finding.warning for finding in findings) else None
        if net:
            findings += layer_warnings(net, self.path)
        if whole:
            findings += net_warnings(whole, self.path, trains)
        self.findings += [finding for finding in findings if not self._follows(finding)]
        return whole

    def _filtered(self, state: NetState) -> NetParameter:
        param = self.param
        while True:
            try:
                return graph.filter_net(param, state)
            except GoodinitError as error:
                self.findings.append(found(error, self.path))
                param = without(param, self.findings[-1])

    def _follows(self, finding: Finding) -> bool:
        """Whether a finding may come from what could not be read of the text: it is about the same
        layer, or about a blob whose name stands there."""
        blob = re.match(r"(?:Unknown bottom|Top) blob '(.*?)'", finding.message)
        return finding.line in self.damaged or blob is not None and blob[1] in self.names


def line_of(layer: LayerParameter | V1LayerParameter) -> int:
    """Where a layer begins; 0 for one that an upgrade made."""
    return int(layer.origin.rpartition(':')[2] or 0)
