"""The nets of a solver: the fields that name them, the states in which they are built, and the
weights they use."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..netlib import Net
from ..netlib.blob import Param
from ..netlib.engines import Engine
from ..netlib.errors import NetError, SolverError
from ..netlib.ranks import Ranks
from ..netlib.rng import rng_of, seed_or_new
from ..proto import read_net
from ..proto.caffe_pb2 import TEST, TRAIN, NetParameter, NetState, Phase, SolverParameter
from .rates import check_rates

Fill = Callable[[Net], None]
TRAIN_FIELDS = ('net', 'net_param', 'train_net', 'train_net_param')


@dataclass
class SolverNets:
    """The net that is trained, and the nets for testing it."""

    train: Net
    tests: list[Net]

    @property
    def ranks(self) -> Ranks:
        """The processes that train together."""
        return self.train.ranks


# -- fields


def check_nets(solver: SolverParameter) -> None:
    """Raises SolverError, in Caffe's words, if the fields that name nets contradict each other."""
    fields = ', '.join(TRAIN_FIELDS)
    given = [field for field in TRAIN_FIELDS if solver.HasField(field)]
    if not given:
        raise SolverError(
            f'SolverParameter must specify a train net using one of these fields: {fields}'
        )
    if len(given) > 1:
        raise SolverError(
            'SolverParameter must not contain more than one of these fields specifying a '
            f'train_net: {fields}. Found {" and ".join(given)}'
        )
    _check_test_nets(solver, generic=given[0] in ('net', 'net_param'))
    _check_test_fields(solver)


def _check_test_nets(solver: SolverParameter, generic: bool) -> None:
    """`generic`: whether the train net may be tested too, once for each remaining test_iter."""
    nets = len(solver.test_net_param) + len(solver.test_net)
    tests = len(solver.test_iter)
    if tests < nets or tests > nets and not generic:
        raise SolverError(
            f'test_iter must be specified for each test network. Found {tests} test_iter for '
            f'{nets} test nets'
        )


def _check_test_fields(solver: SolverParameter) -> None:
    tests = len(solver.test_iter)
    if len(solver.test_state) not in (0, tests):
        raise SolverError(
            'test_state must be unspecified or specified once per test net. '
            f'Found {len(solver.test_state)} for {tests}'
        )
    if tests and solver.test_interval <= 0:
        raise SolverError(
            f'test_interval must be > 0 if there is a test_iter, found {solver.test_interval}'
        )
    if tests and min(solver.test_iter) < 0:
        raise SolverError(f'test_iter must be >= 0, found {min(solver.test_iter)}')


def train_param(solver: SolverParameter) -> NetParameter:
    """The net to train, with its state. Its path is relative to the current directory."""
    if solver.HasField('train_net_param'):
        param = solver.train_net_param
    elif solver.HasField('net_param'):
        param = solver.net_param
    else:
        param = read_net(solver.train_net or solver.net)
    return _in_state(param, TRAIN, solver.train_state)


def test_params(solver: SolverParameter) -> list[NetParameter]:
    """The nets to test: each test_net_param and test_net, then the train net itself for each
    remaining test_iter."""
    params = [*solver.test_net_param, *map(read_net, solver.test_net)]
    left = len(solver.test_iter) - len(params)
    if left:
        generic = solver.net_param if solver.HasField('net_param') else read_net(solver.net)
        params += [generic] * left
    states = solver.test_state or [NetState()] * len(params)
    return [_in_state(param, TEST, state) for param, state in zip(params, states, strict=True)]


def _in_state(param: NetParameter, phase: Phase, state: NetState) -> NetParameter:
    """A copy of the net whose state is the phase, overridden by the net's own state, overridden by
    the solver's."""
    out = NetParameter()
    out.CopyFrom(param)
    out.state.CopyFrom(NetState(phase=phase))
    out.state.MergeFrom(param.state)
    out.state.MergeFrom(state)
    return out


# -- building


def build_nets(
    solver: SolverParameter, engine: Engine, ranks: Ranks, seed: int | None
) -> SolverNets:
    """The nets, with parameters zero. `seed`: None uses random_seed, if given, or else a seed from
    the system; all ranks use that of rank 0."""
    train = train_param(solver)
    tests = test_params(solver)
    check_rates(solver)  # after reading the nets, as in Caffe, which checks when it needs a rate
    seed = ranks.from_first(seed_or_new(seed_of(solver, seed)))
    net = Net(train, engine=engine, seed=seed, ranks=ranks)
    test_nets = [Net(test, engine=engine, seed=seed) for test in tests]
    return SolverNets(net, test_nets)


def initialize_nets(
    nets: SolverNets, param: SolverParameter, fill: Fill | None, seed: int | None
) -> None:
    """Fill every net by `fill` or by its fillers, then load the files of `weights` (each one path,
    or several separated by commas).

    A test net uses the train net's memory for the parameters of each layer that both have. All
    ranks start with the values of rank 0.
    """
    fill = fill or by_fillers(param, seed)
    paths = [path.strip() for path in ','.join(param.weights).split(',')]
    for net in (nets.train, *nets.tests):
        fill(net)
        for path in filter(None, paths):
            net.copy_from(path)
        if net is not nets.train:
            share_weights(nets.train, net)
    take_from_first(nets.train)


def by_fillers(param: SolverParameter, seed: int | None) -> Fill:
    """What fills one net after the other by the fillers of its prototxt, as Caffe does."""
    # They are in a folder that builds on netlib, as this one does.
    fill = importlib.import_module('goodinit.initializers').fill
    rng = rng_of(seed_of(param, seed))
    return lambda net: fill(net, rng)


def seed_of(param: SolverParameter, seed: int | None = None) -> int | None:
    """`seed`, or else random_seed, or None where the solver gives none, as by one below 0."""
    if seed is None and param.random_seed >= 0:
        return param.random_seed
    return seed


def take_from_first(net: Net) -> None:
    """Set the parameters of a net to their values on rank 0."""
    if net.ranks.size > 1:
        for param in net.all_params():
            if param.owner is param:
                param.data = net.ranks.from_first(param.data)


def share_memory(nets: SolverNets) -> None:
    """Let each net use as little memory as its task allows."""
    nets.train.share_diffs()
    for net in nets.tests:
        net.share_memory()


def share_weights(train: Net, test: Net) -> None:
    """Let the test net compute with the train net's parameters. Raises NetError if those of a layer
    differ in shape."""
    for layer in test.layers:
        theirs = train.params.get(layer.name, [])
        if not theirs:
            continue
        if _shapes(theirs) != _shapes(layer.params):
            raise NetError(
                f"Cannot share param weights from layer '{layer.name}'; shape mismatch. "
                f"The train net's are {_shapes(theirs)}; the test net's are {_shapes(layer.params)}"
            )
        for ours, param in zip(layer.params, theirs, strict=True):
            ours.share(param, diffs=False)


def _shapes(params: Iterable[Param]) -> str:
    return ', '.join(param.shape_text for param in params) or 'none'
