"""The running statistics of normalizing layers (BatchNorm, BN), measured on batches.

A layer's statistics are the mean and the variance of everything that reaches it, over all batches
of all ranks: what Caffe's would be if all samples came in one batch. The layers below run on their
own statistics meanwhile, as in TEST.
"""

import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from ..netlib import Net
from ..netlib.blob import Param
from ..netlib.layers import Layer
from ..netlib.layers.shared.normalizing import Normalizing
from ..netlib.memory import Places
from ..netlib.statistics import with_statistics, without_values
from .activations import Batch
from .kinds import Notes
from .moments import Moments, in_float64, pooled
from .reach import blob_names
from .step import NO_MOMENTS, Step
from .walk import walk, without_drawing

MEASURED = 'its running mean and variance are those of these batches'
CHANGED = 'weights below it changed: its running mean and variance are now those of these batches'


def input_moments(step: Step) -> Moments:
    """The moments of what reaches a normalizing layer, by channel."""
    layer = step.layer
    parts = []
    for batch in range(step.kept.batches):
        step.kept.load(batch, step.bottom)
        layer.reshape(step.bottom, step.top)
        mean, var = layer.input_moments(step.bottom)
        count = step.bottom[0].count // layer.channels
        parts.append(Moments(in_float64(mean), in_float64(var), count))
    return pooled(step.net.ranks.gather(parts))


def store(layer: Normalizing, moments: Moments) -> None:
    layer.store(moments.mean, moments.var, moments.count)


def fill_statistics(
    net: Net,
    batches: Sequence[Batch],
    layers: Collection[Normalizing],
    dropout: bool = False,
) -> dict[str, Moments]:
    """Measure the statistics of these layers in one walk. Every normalizing layer runs on its own
    statistics, except those of SegNet's BN that have none and are not among `layers`.

    batches: as in `walk`. Dropout is off unless `dropout`. Layers that share statistics with an
    earlier one use its. Returns what was measured, by the layer's name.
    """
    found: dict[str, Moments] = {}
    left = [layer for layer in layers if owns_statistics(layer)]
    if not left:
        return found
    with on_statistics(net, layers), without_drawing(net, dropout):
        for step in walk(net, batches):
            if step.layer in left:
                found[step.layer.name] = moments = input_moments(step)
                store(step.layer, moments)
                left.remove(step.layer)
            if not left:
                break
    return found


def owns_statistics(layer: Normalizing) -> bool:
    return all(param.owner is param for param in layer.params)


@contextmanager
def on_statistics(net: Net, layers: Collection[Normalizing]) -> Iterator[None]:
    """A context in which normalizing layers do not use the batch's statistics."""
    changed = []
    for layer in {*with_statistics(net.layers), *layers}:
        if layer.from_batch:
            layer.from_batch = False
            changed.append(layer)
    Places.change()  # what was recorded goes by the batch's
    try:
        yield
    finally:
        for layer in changed:
            layer.from_batch = True
        Places.change()


class Statistics:
    """Keeps the statistics of a net right while its weights change in a walk.

    Those of a layer are measured anew if it has none, or if weights below it have changed. A layer
    that runs on them gets them at its turn. One that uses the batch's gets them from `finish`.
    """

    def __init__(self, net: Net, batches: Sequence[Batch]):
        self.net = net
        self.batches = batches
        self.layers = with_statistics(net.layers)
        self.fresh = without_values(net.layers)
        self.known = checksums(net) if self.layers else {}
        self.moved: set[str] = set()  # blobs that have changed
        self.later: dict[Normalizing, Moments] = {}

    def see(self, step: Step) -> Notes:
        """A layer has its new weights, and its turn in the walk ends; returns notes."""
        if not self.layers or not self.batches:
            return []
        for use in step.uses:
            stale = not self.moved.isdisjoint(blob_names(use.bottom))
            if stale or self._changed(use.layer):
                self.moved.update(blob_names(use.top))
            else:
                self.moved.difference_update(blob_names(use.top))
        if step.layer not in self.layers or not (stale or step.layer in self.fresh):
            return []
        if owns_statistics(step.layer):
            self._measure(step)
        return [MEASURED if step.layer in self.fresh else CHANGED]

    def _changed(self, layer: Layer) -> bool:
        """Whether a layer's weights are no longer what they were."""
        changed = False
        for param in layer.params:
            if param.owner in self.known and checksum(param.owner) != self.known[param.owner]:
                changed = True
        return changed

    def _measure(self, step: Step) -> None:
        if not step.kept.batches:  # the walk runs no data; weights change after it
            self.later[step.layer] = NO_MOMENTS
            return
        moments = input_moments(step)
        if step.layer.from_batch:
            self.later[step.layer] = moments
        else:
            store(step.layer, moments)

    def walked(self) -> None:
        """The walk ends."""
        self.known = checksums(self.net) if self.later else {}

    def finish(self, dropout: bool) -> None:
        """All weights are final. If they have changed since the walk, its measures hold no longer.

        What they become in the walk is what training would make of them.
        """
        if self.later and checksums(self.net) != self.known:
            fill_statistics(self.net, self.batches, self.later, dropout)
            return
        for layer, moments in self.later.items():
            store(layer, moments)


def checksums(net: Net) -> dict[Param, int]:
    """Of every parameter that initializers may change, by owner."""
    sums = {}
    for param in net.all_params():
        if param.owner is param and not param.is_statistic:
            sums[param] = checksum(param)
    return sums


def checksum(param: Param) -> int:
    if param.values.memory.head is None:
        return 0  # zeros, which need no memory for this
    return zlib.crc32(param.values.array().data)
