"""A bundled solver whose data do not exist trains on digits."""

from pathlib import Path

from ..initializers.walk import Batch
from ..netlib import Net
from ..proto.caffe_pb2 import TEST, SolverParameter
from ..solvers import Solver
from .bundled import MODELS
from .digits import FedByDigits, digits_for
from .net_file import read_net_file

ITERATIONS, DISPLAY = 50, 10  # instead of the solver's


class Feeder:
    """Puts batches into a net, one before each forward pass, after the last the first again;
    `place` counts them. Of n ranks each takes one in n."""

    def __init__(self, net: Net, batches: list[Batch]):
        self.net, self.batches, self.place = net, batches, 0
        net.before_forward.append(self)

    def __call__(self, layer: int) -> None:
        if layer == 0:
            i = self.place * self.net.ranks.size + self.net.ranks.rank
            for name, values in self.batches[i % len(self.batches)].items():
                self.net.blobs[name].data = values
            self.place += 1


def use_digits(param: SolverParameter, path: Path) -> list[FedByDigits]:
    """Change a bundled solver whose data do not exist: its nets take digits, and it trains for few
    iterations.

    Returns what `feed_digits` needs, an empty list if nothing was changed. Raises LayerError.
    """
    if not path.is_relative_to(MODELS):
        return []
    train = digits_for(read_net_file(path))
    tests = [digits_for(read_net_file(path, TEST)) for _ in param.test_iter]
    fed = [found for found in (train, *tests) if found]
    if train is None or len(fed) < 1 + len(tests):
        return []
    param.ClearField('net')
    param.train_net_param.CopyFrom(train.param)
    param.test_net_param.extend(found.param for found in fed[1:])
    param.test_iter[:] = [len(found.batches) for found in fed[1:]]
    param.max_iter, param.display, param.test_interval = ITERATIONS, DISPLAY, ITERATIONS
    return fed


def feed_digits(solver: Solver, digits: list[FedByDigits]) -> None:
    """Feed the nets of a solver with their digits; a resumed solver goes on where it was."""
    if not digits:
        return
    feeders = []
    for net, found in zip((solver.net, *solver.test_nets), digits, strict=False):
        feeders.append(Feeder(net, found.batches))

    def seek():
        feeders[0].place = solver.iter * solver.param.iter_size

    solver.callbacks.append((seek, lambda: None))
