"""Everything that is wrong with the file of a net: its text, and the net in every phase and state
in which it may run."""

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
from .draft import draft, without
from .findings import Finding, found
from .net_warnings import layer_warnings, net_warnings
from .tokens import words_on

OF_A_BLOB = re.compile(r"(?:Unknown bottom|Top) blob '(.*?)'")


class NetLint:
    """A net as its text was read, and `findings`, what is wrong with it.

    net: what could be read of `text`, the file called `path`. errors: those of the text. shape:
    (C, H, W) of the images where the prototxt does not tell it.
    """

    def __init__(
        self,
        net: NetParameter,
        text: str,
        path: str,
        errors: Iterable[ProtoError],
        shape: Shape | None = None,
    ):
        self.path = path
        self.shape = shape
        self.findings = [found(error, path) for error in errors]
        self.readable = not self.findings
        lines = [finding.line for finding in self.findings]
        # What may be unknown only because it could not be read: layers by their lines, and names.
        self.damaged = {_layer_line(net, line) for line in lines}
        self.names = words_on(text, lines) | _tops_at(net, self.damaged)
        self.param = self._upgraded(net)

    def _upgraded(self, net: NetParameter) -> NetParameter:
        problems: list[str] = []
        try:
            net = upgrade_net(net, problems)
            forks.rewrite(net)
        except ProtoError as error:
            self.findings.append(found(error, self.path))
            net = NetParameter()
        for problem in problems:
            self.findings.append(found(ProtoError(problem), self.path, warning=True))
        return net

    def in_both_phases(self, level: int, stages: Iterable[str]) -> None:
        """Check the net in TRAIN and TEST, except in a phase that lacks what feeds the net in the
        other."""
        stages = list(stages)
        states = [
            graph.net_state(self.param, TRAIN, level, stages),
            graph.net_state(self.param, TEST, level, stages),
        ]
        fed = [state for state in states if self._is_fed(state)]
        for state in fed or states[:1]:
            self.in_state(state, self._names_train())

    def _is_fed(self, state: NetState) -> bool:
        return any(not layer.bottom for layer in self._filtered(state).layer)

    def _names_train(self) -> bool:
        """Whether a layer says that it is for TRAIN: the net is there to be trained."""
        for layer in self.param.layer:
            for rule in layer.include:
                if rule.HasField('phase') and rule.phase == TRAIN:
                    return True
        return False

    def in_state(self, state: NetState, trains: bool) -> Net | None:
        """Check the net in one state; returns it if all of it can be built.

        trains: the net is there to be trained.
        """
        if self.findings and not self.param.layer:
            return None
        net, findings = draft(self._filtered(state), self.path, self.shape)
        whole = self.readable and all(finding.warning for finding in findings)
        if net:
            findings += layer_warnings(net, self.path)
        if net and whole:
            findings += net_warnings(net, self.path, trains)
        self.findings += [finding for finding in findings if not self._follows(finding)]
        return net if whole else None

    def _filtered(self, state: NetState) -> NetParameter:
        param = self.param
        while True:
            try:
                return graph.filter_net(param, state)
            except GoodinitError as error:
                finding = found(error, self.path)
                self.findings.append(finding)
                param = without(param, [finding])

    def _follows(self, finding: Finding) -> bool:
        """Whether a finding may only follow from what could not be read: it is about the same
        layer, or about a blob whose name stands there."""
        if finding.line in self.damaged:
            return True
        blob = OF_A_BLOB.match(finding.message)
        return blob is not None and blob[1] in self.names


def _layer_line(net: NetParameter, line: int) -> int:
    """The line on which the layer begins that stands on a line; 0 above the first layer."""
    starts = [_line_of(layer) for layer in (*net.layer, *net.layers)]
    return max((start for start in starts if start <= line), default=0)


def _tops_at(net: NetParameter, lines: set[int]) -> set[str]:
    """The tops of the layers that begin on some lines."""
    tops: set[str] = set()
    for layer in net.layer:
        if _line_of(layer) in lines:
            tops.update(layer.top)
    return tops


def _line_of(layer: LayerParameter | V1LayerParameter) -> int:
    """The line on which a layer begins; 0 for one that an upgrade made."""
    return int(layer.origin.rpartition(':')[2] or 0)
