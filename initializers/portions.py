"""Portions of batches: gradients need the values of all blobs at once, and of fewer samples these
are smaller."""

from collections.abc import Sequence

from ..netlib import Net
from .activations import Batch

SMALL = 10_000_000  # numbers, with which a pass need not be frugal
FEW = 4  # samples of a portion, as every pass also reads the weights and writes their squares


def portions(net: Net, batches: Sequence[Batch]) -> list[Batch]:
    """The batches, each cut into equal portions if the net's samples do not meet.

    So a pass forward and backward over one takes no more memory than the weights or, if they are
    larger, the three largest blobs of a whole batch, unless those numbers are SMALL or the samples
    too FEW.
    """
    found = []
    for batch in batches:
        size = samples_of(batch)
        if size > 1 and by_sample(net):
            found += cut(batch, size, portion_size(net, size))
        else:
            found.append(batch)
    return found


def samples_of(batch: Batch) -> int:
    """The extent that all inputs have in axis 0; 0 if there is no such number."""
    extents = {values.shape[:1] for values in batch.values()}
    return extents.pop()[0] if len(extents) == 1 and () not in extents else 0


def by_sample(net: Net) -> bool:
    """Whether all layers compute each sample by itself, up to the losses."""
    for layer in net.layers:
        traits = layer.traits
        if not (traits.by_sample or traits.answers or layer.is_loss):
            return False
    return True


def portion_size(net: Net, size: int) -> int:
    """How many of a batch's samples a portion has."""
    values = {}
    for blob in net.blobs.values():
        if blob.shape:
            values[blob.values.memory] = blob.count / max(blob.shape[0], 1)
    ordered = sorted(values.values())
    needed = sum(ordered) + sum(ordered[-2:])  # of one sample, with diffs of two blobs
    room = room_for_values(net, [size * count for count in ordered])
    return max(int(room / max(needed, 1)), FEW)


def room_for_values(net: Net, counts: Sequence[float]) -> float:
    """How many numbers a pass may keep: as many as the weights or, if they are more, the three
    largest of `counts`, which increase; or SMALL."""
    weights = sum(param.count for param in net.all_params() if param.owner is param)
    return max(weights, sum(counts[-3:]), SMALL)


def cut(batch: Batch, size: int, most: int) -> list[Batch]:
    """Portions of a batch of `size` samples with at most so many each, and as equal as can be."""
    count = -(-size // most)
    found = []
    for i in range(count):
        rows = slice(i * size // count, (i + 1) * size // count)
        found.append({name: values[rows] for name, values in batch.items()})
    return found
