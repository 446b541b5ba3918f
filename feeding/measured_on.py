"""The samples on which a net is measured: as many as its measurement is worth."""

from collections.abc import Sequence

from ..initializers.reach import affine_by_index
from ..initializers.walk import Batch
from ..netlib import Net
from ..netlib.errors import GoodinitError
from .feed import Feed

CHEAP = 5e9  # multiply-adds of a forward pass that are no cost
FEWEST = 4


def measured_on(net: Net, feed: Feed) -> tuple[list[Batch], bool]:
    """Batches to measure a net on, and whether they are held-out ones; else they are of those that
    it is initialized from.

    Of a large net, whose measurement (forward and backward, twice) would take longer than most
    initializations, an eighth as many samples as the feed has in its batches, and at least FEWEST.
    A net whose shapes are fixed takes batches of the feed's own size only.
    """
    wanted = max(feed.samples // 8, FEWEST)
    if multiply_adds(net) * feed.samples <= CHEAP:
        wanted = feed.samples
    for batches, held_out in ((feed.held_out, True), (feed.batches, False)):
        few = first_samples(batches, wanted, feed.axis)
        if few and all(fits(net, batch) for batch in few):
            return few, held_out
    return feed.batches, False


def multiply_adds(net: Net) -> float:
    """Of one sample in a forward pass, in convolutions and inner products: each position of an
    output counts all weights, which is more than a Deconvolution with a stride takes."""
    total = 0.0
    for i, layer in affine_by_index(net).items():
        top = net.tops[i][0]
        positions = top.count / layer.num_output
        total += positions * layer.weight.count / max(top.shape[0], 1)
    return total


def first_samples(batches: Sequence[Batch], wanted: int, axis: int) -> list[Batch]:
    """The first samples, in batches; the last may be smaller."""
    found: list[Batch] = []
    for batch in batches:
        size = next(iter(batch.values())).shape[axis]
        taken = min(size, wanted)
        if taken:
            rows = range(taken)
            found.append({name: values.take(rows, axis) for name, values in batch.items()})
        wanted -= taken
    return found


def fits(net: Net, batch: Batch) -> bool:
    """Whether the net runs on a batch of this size; not if a shape in it is fixed."""
    try:
        for name, values in batch.items():
            net.blobs[name].reshape(*values.shape)
        net.reshape()
    except GoodinitError:
        return False
    return True
