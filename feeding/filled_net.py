"""A net whose parameters have initial values, from its fillers or from a file of weights."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .. import netlib
from ..initializers import fill
from ..netlib.engines import Engine
from ..netlib.errors import NetError, did_you_mean
from ..netlib.ranks import Ranks
from ..netlib.weights import read_weights_file, scales_separated
from ..proto.caffe_pb2 import TEST, TRAIN, NetParameter
from .data_options import DataOptions
from .input_layers import with_batch_statistics
from .net_file import read_net_file
from .shaped import shaped
from .weights_file import take_weights

PHASES = {'train': TRAIN, 'test': TEST}
# The uses of a seed; samples use those from 0.
FILL, MEASURE, INITIALIZE = 1001, 1002, 1003


def random_numbers(seed: int, use: int) -> np.random.Generator:
    """The random numbers for one use of a seed, the same at each call."""
    return np.random.default_rng([seed, use])


def phase_number(phase: int | str) -> int:
    """TRAIN or TEST, by name or number."""
    if phase in PHASES.values():
        return int(phase)
    if phase not in PHASES:
        hint = did_you_mean(str(phase), PHASES)
        raise NetError(f"phase: unknown '{phase}'{hint} (known: {', '.join(PHASES)})")
    return PHASES[phase]


class Net(netlib.Net):
    """A net as Caffe builds it: its parameters are filled by the fillers of its prototxt.

        net = goodinit.Net('train_val.prototxt')
        net = goodinit.Net('deploy.prototxt', 'test', load='trained.caffemodel')
        net = goodinit.Net('lenet')

    source: the path of a prototxt, a NetParameter, or the name of a bundled model, whose data
    layers become Input layers. phase ('train', 'test'), level and stages select the layers. load:
    weights for the layers that they have; only the others are filled. seed: for the fillers,
    dropout and the data layers; as in Caffe, None is a new one each time. engine, ranks: as in
    netlib.Net, which builds the same net with parameters of zero.

    Raises GoodinitError.
    """

    def __init__(
        self,
        source: netlib.net.Source,
        phase: int | str | None = None,
        *,
        level: int = 0,
        stages: Sequence[str] = (),
        load: netlib.net.Source | None = None,
        engine: Engine | str = 'fast',
        seed: int | None = None,
        ranks: Ranks | None = None,
    ):
        number = None if phase is None else phase_number(phase)
        param = _found(source, number)
        super().__init__(
            param, number, level=level, stages=stages, engine=engine, seed=seed, ranks=ranks
        )
        loaded = set() if load is None else self._load(load)
        fill(self, random_numbers(self.seed, FILL), skip=loaded)

    def _load(self, source: netlib.net.Source) -> set[str]:
        """Copy weights; returns the names of the layers that got theirs."""
        if isinstance(source, NetParameter):
            saved = scales_separated(source, self.layers)
        else:
            saved = read_weights_file(source, self)
        try:
            self.copy_from(saved)
        except NetError as error:
            if isinstance(source, NetParameter):
                raise
            raise NetError(f'{source}: {error}') from error
        return {layer.name for layer in saved.layer if layer.blobs}


def _found(source: netlib.net.Source, phase: int | None) -> netlib.net.Source:
    """The source; of the name of a bundled model, its net with Input layers. Raises NetError for
    what can be neither."""
    if isinstance(source, NetParameter):
        return source
    if not isinstance(source, str | os.PathLike):
        raise NetError(
            f'net: found {type(source).__name__}, needed: the path of a prototxt, the name of a '
            'bundled model, or a NetParameter'
        )
    path = Path(source)
    if path.exists() or path.suffix:
        return source
    return shaped(read_net_file(source, TRAIN if phase is None else phase), DataOptions())


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
    if not weights:
        return net, []
    return net, take_weights(net, weights)
