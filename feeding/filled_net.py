"""A net whose parameters have initial values, from its fillers or from a file of weights."""

import numpy as np

from ..initializers import fill
from ..netlib import Net
from ..netlib.engines import Engine
from ..netlib.ranks import Ranks
from ..proto.caffe_pb2 import NetParameter
from .input_layers import with_batch_statistics
from .weights_file import take_weights

# The uses of a seed; samples use those from 0.
FILL, MEASURE, INITIALIZE = 1001, 1002, 1003


def random_numbers(seed: int, use: int) -> np.random.Generator:
    """The random numbers for one use of a seed, the same at each call."""
    return np.random.default_rng([seed, use])


def filled_net(
    param: NetParameter,
    *,
    weights: str = '',
    engine: Engine | str = 'fast',
    seed: int = 0,
    ranks: Ranks | None = None,
) -> tuple[Net, list[str]]:
    """The net with its parameters, from the file `weights` if it has them or else from the fillers;
    and notes on layers that only the net or only the file has. Raises GoodinitError."""
    if not weights:
        param = with_batch_statistics(param)
    net = Net(param, engine=engine, seed=seed, ranks=ranks)
    fill(net, random_numbers(seed, FILL))
    if not weights:
        return net, []
    return net, take_weights(net, weights)
