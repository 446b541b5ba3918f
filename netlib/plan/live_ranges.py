"""The part of a pass during which each blob's memory is needed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..blob import Blob
from ..memory import Memory
from .plan import Step

Half = Literal['values', 'diffs']
Overwrite = tuple[int, Blob, Blob]  # layer i may write the second blob over the first


@dataclass(eq=False)
class LiveRange:
    """Blobs that already share one memory (in place, or the same values in another shape).

    birth, death: the layers that write the first of them and read the last.
    """

    birth: int
    death: int
    blobs: list[Blob] = field(default_factory=list)
    start: int = 0  # where their shared place begins, in elements

    @property
    def size(self) -> int:
        return max(blob.count for blob in self.blobs)

    @property
    def end(self) -> int:
        return self.start + self.size

    def overlaps(self, other: LiveRange) -> bool:
        return self.birth <= other.death and other.birth <= self.death


def memory_of(blob: Blob, half: Half) -> Memory:
    return blob.values.memory if half == 'values' else blob.diffs.memory


def live_ranges(steps: Sequence[Step], half: Half, fixed: Iterable[Blob]) -> list[LiveRange]:
    """The ranges, in a forward pass, of all memories that may be shared.

    These exclude `fixed` blobs, data from outside (a layer may write them once for all passes), and
    blobs that users' code sees.
    """
    kept = {memory_of(blob, half) for blob in fixed}
    found: dict[Memory, LiveRange] = {}
    for i, (layer, bottom, top) in enumerate(steps):
        for blob in bottom + top:
            memory = memory_of(blob, half)
            if not bottom or layer.type == 'Python':
                kept.add(memory)
            live = found.setdefault(memory, LiveRange(i, i))
            live.death = i
            if blob not in live.blobs:
                live.blobs.append(blob)
    return [live for memory, live in found.items() if memory not in kept]


def joined(found: list[LiveRange], overwrites: Iterable[Overwrite]) -> list[LiveRange]:
    """The ranges, merged where a blob takes the place of another that is no longer needed."""
    by_blob: dict[Blob, LiveRange] = {}
    for live in found:
        by_blob.update(dict.fromkeys(live.blobs, live))
    for i, old, new in overwrites:
        below, above = by_blob.get(old), by_blob.get(new)
        if below and above and follows(above, below, i):
            below.death = above.death
            below.blobs += above.blobs
            by_blob.update(dict.fromkeys(above.blobs, below))
            found.remove(above)
    return found


def follows(above: LiveRange, below: LiveRange, i: int) -> bool:
    """Whether one range ends at layer i and the other begins there, with the same size."""
    if above is below or above.size != below.size:
        return False
    return below.death == i == above.birth


def backward_ranges(
    found: Collection[LiveRange], steps: Sequence[Step], wanted: Sequence[Sequence[bool]]
) -> list[LiveRange]:
    """The ranges of diffs in the order of a backward pass, from those of a forward pass.

    The last layer to read a blob writes its diff, and the layer that makes the blob is the last to
    need the diff. A diff that no layer writes stays zero, so it keeps its own memory. `wanted`: for
    each layer that runs backward, for which bottoms it computes the diff; none for the others.
    """
    last = len(steps) - 1
    return [
        LiveRange(last - live.death, last - live.birth, live.blobs)
        for live in found
        if is_written(live, steps[live.death], wanted[live.death])
    ]


def is_written(live: LiveRange, reader: Step, wanted: Sequence[bool]) -> bool:
    """Whether the last reader's backward computes the diff of each of these blobs it reads."""
    if not wanted:
        return False
    for k, blob in enumerate(reader.bottom):
        if blob in live.blobs and (not wanted[k] or k in reader.layer.no_gradient):
            return False
    return True
