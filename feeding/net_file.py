"""From the user's name for a net to its layers: a prototxt's path, or a bundled model's name."""

from dataclasses import dataclass
from pathlib import Path

from ..netlib import graph
from ..netlib.errors import NetError
from ..proto import read_any, read_net
from ..proto.caffe_pb2 import TEST, TRAIN, NetParameter, NetState, SolverParameter
from .bundled import MODELS, find_model


@dataclass
class NetFile:
    """A net as in its file: only the layers of one phase and state, given by `param.state`."""

    path: Path
    param: NetParameter

    @property
    def bundled(self) -> bool:
        """Whether it came with goodinit."""
        return self.path.is_relative_to(MODELS)

    @property
    def model(self) -> str:
        """A name for files made from it: 'fitnet4_relu' for a bundled model, else the file's own
        stem."""
        if self.bundled:
            return '_'.join(self.path.parent.relative_to(MODELS).parts)
        return self.path.stem


def read_net_file(name: str | Path, phase: int = TRAIN) -> NetFile:
    """The net called `name`: a path, or a bundled model ('lenet', 'fitnet4/relu',
    'lenet/deploy').

    A solver's file leads to its net (see `find_net`), with the level and stages of its train_state.
    Raises GoodinitError.
    """
    path = find_model(name)
    found = read_any(path)
    state = NetState()
    if isinstance(found, SolverParameter):
        state = found.train_state
        path, found = _net_of(found, path)
    try:
        return NetFile(path, _whole_net(found, path, phase, state))
    except NetError as error:
        raise NetError(f'{error}{_other_phase(found, path, phase, state)}') from error


def _whole_net(net: NetParameter, path: Path, phase: int, state: NetState) -> NetParameter:
    """The layers of one phase. Raises NetError if there are none, and for a bottom that no layer
    makes."""
    wanted = graph.net_state(net, phase, state.level, state.stage)
    param = graph.filter_net(net, wanted)
    if not param.layer:
        raise NetError(f'{path}: no layer is left in this phase and state')
    graph.insert_splits(param)
    return param


def _other_phase(net: NetParameter, path: Path, phase: int, state: NetState) -> str:
    """A hint if the net is whole in the other phase."""
    other = TEST if phase == TRAIN else TRAIN
    try:
        _whole_net(net, path, other, state)
    except NetError:
        return ''
    name = 'test' if phase == TRAIN else 'train'
    return f"; the net is whole in the other phase: phase='{name}'"


def _net_of(solver: SolverParameter, path: Path) -> tuple[Path, NetParameter]:
    """The file and the net that a solver trains."""
    for field in ('train_net_param', 'net_param'):
        if solver.HasField(field):
            return path, getattr(solver, field)
    name = solver.train_net or solver.net
    if not name:
        raise NetError(
            f'{path}: found neither layers nor the net of a solver; needed: layers, or `net: "..."`'
        )
    found = find_net(name, path)
    return found, read_net(found)


def find_net(name: str, solver: Path) -> Path:
    """The file of a solver's net: relative to the current directory or to the solver's folder, or a
    bundled model. Raises GoodinitError."""
    beside = solver.parent / name
    if beside.is_file() and not Path(name).is_file():
        return beside
    return find_model(name)
