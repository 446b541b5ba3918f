"""A net ready for work: fed, built, filled, perhaps with trained weights; and its weights on their
way out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...feeding.feed import Feed, feed, fit_labels
from ...feeding.inputs import DataOptions
from ...feeding.net_file import NetFile
from ...initializers import Row, fill, measure
from ...netlib import Net, graph
from ...netlib.engines import Engine
from ...netlib.errors import NetError
from ...netlib.ranks import Ranks
from ...netlib.weights import check_save, layers_of, read_weights_file, save, to_proto
from ...proto.caffe_pb2 import NetParameter

CPU_ENGINE = 'fast'
# Each use of the seed has its own random numbers; samples take the uses from 0.
FILL, MEASURE, INITIALIZE = 1001, 1002, 1003


@dataclass
class Prepared:
    """A net with what feeds it. notes: what the user should know about its data and weights."""

    file: NetFile
    feed: Feed
    net: Net
    notes: list[str]
    seed: int

    def rng(self, use: int) -> np.random.Generator:
        """The random numbers for one use, the same at each call."""
        return np.random.default_rng([self.seed, use])

    def measure(self, dropout: bool = False) -> list[Row]:
        """What every layer does now; each call draws the same random losses."""
        return measure(self.net, self.feed.batches, self.rng(MEASURE), dropout)

    def as_json(self) -> dict:
        """What is measured, and on what."""
        return {
            'proto': str(self.file.path),
            'data': self.feed.describe,
            'samples': self.feed.images,
            'inputs': self.feed.statistics,
            'seed': self.seed,
        }

    def weights(self) -> NetParameter:
        """The message of a caffemodel: the weights, in the layers as they stand in the net's file."""
        return to_proto(self.net, layers=self._layers())

    def _layers(self) -> NetParameter:
        out = layers_of(self.net)
        originals = graph.insert_splits(self.file.param).layer
        for original, run, saved in zip(originals, self.net.param.layer, out.layer, strict=True):
            if original != run:
                saved.CopyFrom(original)
        return out

    def save(self, path: str | Path) -> None:
        """Write a caffemodel, or as .h5 HDF5, that BVLC Caffe reads; an error leaves nothing
        behind."""
        save(self.net, path, layers=self._layers())

    def check_save(self, path: str | Path) -> None:
        """Raises GoodinitError for a net that `save` would refuse, before the work is done."""
        check_save(self.net, path)


def prepare(
    file: NetFile,
    options: DataOptions,
    engine: Engine | str = CPU_ENGINE,
    weights: str = '',
    ranks: Ranks | None = None,
) -> Prepared:
    """The net with its data, or a rank's share of them, the parameters of its fillers and, where
    given, of a file.

    Raises GoodinitError.
    """
    found = feed(file, options, ranks)
    param = found.param if weights else with_batch_statistics(found.param)
    net = Net(param, engine=engine, seed=options.seed, ranks=ranks)
    fit_labels(found, net)
    out = Prepared(file, found, net, list(found.notes), options.seed)
    fill(net, out.rng(FILL))
    if weights:
        out.notes += copy_weights(net, weights)
    return out


def copy_weights(net: Net, weights: str) -> list[str]:
    """Take the weights of a file; notes on layers that only one of the two has. Raises
    GoodinitError."""
    saved = read_weights_file(weights)
    learned = [layer.name for layer in saved.layer if layer.blobs]
    try:
        unknown = set(net.copy_from(saved))
    except NetError as error:
        raise NetError(f'{weights}: {error}') from error
    if unknown.issuperset(learned):
        raise NetError(
            f'{weights}: none of its layers with weights ({listed(learned) or "it has none"}) is in the '
            f'net, which has {listed(list(net.params)) or "none"}'
        )
    ignored = [name for name in learned if name in unknown]
    kept = [
        name
        for name, params in net.params.items()
        if name not in learned and any(param.owner is param for param in params)
    ]
    return (
        [f'{weights}: layers that the net lacks are ignored: {listed(ignored)}'] if ignored else []
    ) + (
        [f'{weights}: layers that it lacks are left at their fillers: {listed(kept)}']
        if kept
        else []
    )


def listed(names: Sequence[str]) -> str:
    """The names, or the first and the last of many."""
    return ', '.join(names if len(names) <= 6 else [*names[:4], '...', names[-1]])


def with_batch_statistics(param: NetParameter) -> NetParameter:
    """The net with BatchNorm normalizing by its batch: without trained weights there are no other
    statistics."""
    out = NetParameter()
    out.CopyFrom(param)
    for layer in out.layer:
        if layer.batch_norm_param.use_global_stats:
            layer.batch_norm_param.ClearField('use_global_stats')
    return out
