"""Trains a solver on digits if its data do not exist, and it is a bundled one or is asked to."""

from pathlib import Path

from ..initializers.walk import Batch
from ..netlib import Net
from ..netlib.errors import GoodinitError
from ..proto.caffe_pb2 import TEST, TRAIN, SolverParameter
from ..solvers import Solver
from .bundled import MODELS
from .digits import FedByDigits, digits_for
from .net_file import read_net_file

ITERATIONS, DISPLAY = 50, 10  # instead of the solver's


class Feeder:
    """Puts batches into a net, one before each forward pass, starting over after the last. `place`
    counts them. Each of n ranks takes every n-th batch."""

    def __init__(self, net: Net, batches: list[Batch]):
        self.net, self.batches, self.place = net, batches, 0
        net.before_forward.append(self)

    def __call__(self, layer: int) -> None:
        if layer > 0:
            return
        ranks = self.net.ranks
        i = self.place * ranks.size + ranks.rank
        batch = self.batches[i % len(self.batches)]
        for name, values in batch.items():
            self.net.blobs[name].data = values
        self.place += 1


def use_digits(param: SolverParameter, path: Path, asked: bool = False) -> list[FedByDigits]:
    """Change a solver whose data do not exist, if it is a bundled one or is `asked` to: its nets
    take digits, and it trains for only a few iterations.

    Returns the argument of `feed_digits`, or an empty list if nothing changed. Raises LayerError.
    """
    if not (asked or path.is_relative_to(MODELS)):
        return []
    fed = []
    for phase in [TRAIN] + [TEST] * len(param.test_iter):
        found = digits_for(read_net_file(path, phase), asked)
        if found is None:
            return []
        fed.append(found)
    _write_into(param, *fed)
    return fed


def could_use_digits(path: Path) -> bool:
    """Whether the data of a solver's net do not exist, and digits could replace them."""
    try:
        return digits_for(read_net_file(path), asked=True) is not None
    except GoodinitError:
        return False


def _write_into(param: SolverParameter, train: FedByDigits, *tests: FedByDigits) -> None:
    param.ClearField('net')
    param.ClearField('test_iter')
    param.train_net_param.CopyFrom(train.param)
    for test in tests:
        param.test_net_param.append(test.param)
        param.test_iter.append(len(test.batches))
    param.max_iter = param.test_interval = ITERATIONS
    param.display = DISPLAY


def feed_digits(solver: Solver, digits: list[FedByDigits]) -> None:
    """Feed the nets of a solver with their digits; a resumed solver continues where it was."""
    if not digits:
        return
    nets = [solver.net, *solver.test_nets]
    feeders = []
    for net, found in zip(nets, digits, strict=False):
        feeders.append(Feeder(net, found.batches))

    def seek():
        feeders[0].place = solver.iter * solver.param.iter_size

    solver.callbacks.append((seek, lambda: None))
