"""The nets of a solver: which of its fields name them, in which state they are built, and whose
weights they use."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..netlib import Net
from ..netlib.errors import NetError, SolverError
from ..proto import read_net
from ..proto.caffe_pb2 import TEST, TRAIN, NetParameter, NetState, SolverParameter

Fill = Callable[[Net], None]


def check(solver: SolverParameter) -> None:
    """Raises SolverError, in Caffe's words, where the fields that name nets contradict each other."""
    fields = 'net, net_param, train_net, train_net_param'
    given = [field for field in fields.split(', ') if solver.HasField(field)]
    if not given:
        raise SolverError(
            f'SolverParameter must specify a train net using one of these fields: {fields}'
        )
    if len(given) > 1:
        raise SolverError(
            'SolverParameter must not contain more than one of these fields specifying a train_net: '
            f'{fields}. Found {" and ".join(given)}'
        )
    _check_tests(solver, generic=given[0] in ('net', 'net_param'))


def _check_tests(solver, generic):
    nets, tests = len(solver.test_net_param) + len(solver.test_net), len(solver.test_iter)
    if tests < nets or tests > nets and not generic:
        raise SolverError(
            f'test_iter must be specified for each test network. Found {tests} test_iter for {nets} '
            'test nets'
        )
    if len(solver.test_state) not in (0, tests):
        raise SolverError(
            'test_state must be unspecified or specified once per test net. '
            f'Found {len(solver.test_state)} for {tests}'
        )
    if tests and solver.test_interval <= 0:
        raise SolverError(
            f'test_interval must be > 0 where there is a test_iter, found {solver.test_interval}'
        )
    if any(n <= 0 for n in solver.test_iter):
        raise SolverError(f'test_iter must be > 0, found {min(solver.test_iter)}')


def train_param(solver: SolverParameter) -> NetParameter:
    """The net to train, with the state to build it in. A path is taken from the current directory."""
    inline = next((f for f in ('train_net_param', 'net_param') if solver.HasField(f)), None)
    param = getattr(solver, inline) if inline else read_net(solver.train_net or solver.net)
    return _in_state(param, TRAIN, solver.train_state)


def test_params(solver: SolverParameter) -> list[NetParameter]:
    """The nets to test: each test_net_param and test_net, then the train net itself for the
    test_iter that are left."""
    params = [*solver.test_net_param, *map(read_net, solver.test_net)]
    left = len(solver.test_iter) - len(params)
    if left:
        params += [
            solver.net_param if solver.HasField('net_param') else read_net(solver.net)
        ] * left
    states = solver.test_state or [NetState()] * len(params)
    return [_in_state(param, TEST, state) for param, state in zip(params, states, strict=True)]


def _in_state(param, phase, state):
    """A copy of the net whose state is the phase, overridden by the net's own state, overridden by
    the solver's."""
    out = NetParameter()
    out.CopyFrom(param)
    out.state.CopyFrom(NetState(phase=phase))
    out.state.MergeFrom(param.state)
    out.state.MergeFrom(state)
    return out


def prepare(nets: list[Net], weights: Iterable[str], fill: Fill | None) -> None:
    """Fill the train net, the first, and the test nets by `fill`, and load the files of `weights`
    (each one path, or several with commas). A test net uses the train net's memory for the
    parameters of each layer that both have."""
    for net in nets:
        if fill is not None:
            fill(net)
        for path in ','.join(weights).split(','):
            if path.strip():
                net.copy_from(path.strip())
        if net is not nets[0]:
            share_weights(nets[0], net)


def take_from_first(net: Net) -> None:
    """Give the parameters of a net the values that they have on rank 0."""
    for param in net.all_params():
        if net.ranks.size > 1 and param.owner is param:
            param.data = net.ranks.from_first(param.data)


def share_memory(train: Net, tests: Iterable[Net]) -> None:
    """Let each net compute in as little memory as its task allows."""
    train.share_diffs()
    for net in tests:
        net.share_memory()


def share_weights(train: Net, test: Net) -> None:
    """Let the test net compute with the train net's parameters. Raises NetError where a layer's do
    not fit."""
    for layer in test.layers:
        theirs = train.params.get(layer.name, [])
        if theirs and [p.shape for p in theirs] != [p.shape for p in layer.params]:
            shapes = [
                ', '.join(p.shape_text for p in params) or 'none'
                for params in (theirs, layer.params)
            ]
            raise NetError(
                f"Cannot share param weights from layer '{layer.name}'; shape mismatch. The train net's "
                f"are {shapes[0]}; the test net's are {shapes[1]}"
            )
        for ours, param in zip(layer.params, theirs, strict=False):
            ours.share(param, diffs=False)
