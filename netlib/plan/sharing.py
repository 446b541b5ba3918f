"""Less memory: blobs whose live_ranges do not overlap keep their values, or their diffs, at the same
place."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..blob import Blob
from ..memory import Arena, Memory
from .fusion import fuse

if TYPE_CHECKING:
    from ..layers import Layer
    from ..net import Net


@dataclass(eq=False)
class LiveRange:
    """Blobs that have one memory already (in place, or another shape of the same values), from the
    layer that writes the first of them to the layer that reads the last."""

    birth: int
    death: int
    blobs: list[Blob] = field(default_factory=list)
    start: int = 0  # where their place begins, in elements

    @property
    def size(self) -> int:
        return max(blob.count for blob in self.blobs)

    @property
    def end(self) -> int:
        return self.start + self.size

    def overlaps(self, other: LiveRange) -> bool:
        return self.birth <= other.death and other.birth <= self.death


def share_values(net: Net, keep: Collection[str] = ()) -> None:
    """What Net.share_memory does."""
    in_place = [
        (i, bottom[0], top[0])
        for i, layer, bottom, top in steps(net)
        if layer.in_place and len(bottom) == len(top) == 1
    ]
    place(joined(live_ranges(net, 'values', keep), in_place), 'values', net.engine.dtype)
    for layer in net.layers:
        layer.forward_only = True
    fuse(net)
    net.shared_by = 'share_memory'


def share_diffs(net: Net) -> None:
    """What Net.share_diffs does.

    Backward runs the other way: the layer that reads a blob last writes its diff, and the one that
    makes the blob is the last to need it. A diff that nobody writes stays zero, so that it has a
    memory of its own.
    """
    last = len(net.layers) - 1
    found = [
        LiveRange(last - live.death, last - live.birth, live.blobs)
        for live in live_ranges(net, 'diffs')
        if is_written(net, live)
    ]
    heirs = [
        (last - i, top[0], bottom[layer.heir])
        for i, layer, bottom, top in steps(net)
        if layer.heir is not None
    ]
    place(joined(found, reversed(heirs)), 'diffs', net.engine.dtype)
    find_followers(net)
    fuse(net)
    net.shared_by = 'share_diffs'


def steps(net: Net) -> Iterable[tuple[int, Layer, list[Blob], list[Blob]]]:
    """The layers that make tops of bottoms: the number of each, itself, and what it works on."""
    for i, (layer, bottom, top) in enumerate(zip(net.layers, net.bottoms, net.tops, strict=True)):
        if bottom and top:
            yield i, layer, bottom, top


def joined(found: list[LiveRange], overwrites: Iterable[tuple[int, Blob, Blob]]) -> list[LiveRange]:
    """The live_ranges, where a blob takes the place of another one that nobody needs any more.

    overwrites: (i, old, new), where layer i may write the blob `new` over `old`.
    """
    by_blob = {blob: live for live in found for blob in live.blobs}
    for i, old, new in overwrites:
        below, above = map(by_blob.get, (old, new))
        if (
            below
            and above
            and below is not above
            and below.death == i == above.birth
            and below.size == above.size
        ):
            below.death = above.death
            below.blobs += above.blobs
            by_blob |= dict.fromkeys(above.blobs, below)
            found.remove(above)
    return found


def find_followers(net: Net) -> None:
    """Tell each layer that keeps its output which one works in place on it and keeps its input: one
    copy is enough for both. Not with debug_info, which looks at the blob in between."""
    if net.param.debug_info:
        return
    writers: dict[Blob, Layer] = {}
    for layer, bottom, top in zip(net.layers, net.bottoms, net.tops, strict=True):
        if layer.keeps_input and bottom[0] is top[0] and writers[bottom[0]].keeps_output:
            writers[bottom[0]].follower, layer.fed = layer, True
        writers |= dict.fromkeys(top, layer)


def place(found: Iterable[LiveRange], half: str, dtype: np.dtype) -> None:
    """Give the halves ('values' or 'diffs') of these blobs places in one memory that overlap only
    where live_ranges do not.

    From the largest on, each begins as low as it can: Greedy by Size of Pisarchyk & Lee 2020,
    Efficient Memory Management for Deep Neural Net Inference.
    """
    placed: list[LiveRange] = []
    for live in sorted(found, key=lambda live: live.size, reverse=True):
        for other in sorted(filter(live.overlaps, placed), key=lambda other: other.start):
            if live.end <= other.start:
                break
            live.start = max(live.start, Arena.aligned(other.end))
        placed.append(live)
    parts = [Memory(live.size, dtype) for live in placed]
    Arena(parts, dtype, [live.start for live in placed])
    for live, memory in zip(placed, parts, strict=True):
        for blob in live.blobs:
            blob.use(**{half: memory})


def live_ranges(net: Net, half: str, keep: Collection[str] = ()) -> list[LiveRange]:
    """The live_ranges, in a forward pass, of all memories that may be shared: not those of the net's
    ends, of the blobs named in `keep`, of what comes from outside (a layer may write it once for
    all passes), and of what users' code sees."""

    def memory(blob):
        return getattr(blob, half).memory

    fixed = {memory(net.blobs[name]) for name in (*net.outputs, *keep)} | {
        memory(param) for param in net.all_params()
    }
    found: dict[Memory, LiveRange] = {}
    for i, (layer, bottom, top) in enumerate(zip(net.layers, net.bottoms, net.tops, strict=True)):
        for blob in bottom + top:
            if not bottom or layer.type == 'Python':
                fixed.add(memory(blob))
            live = found.setdefault(memory(blob), LiveRange(i, i))
            live.death = i
            if blob not in live.blobs:
                live.blobs.append(blob)
    return [live for memory, live in found.items() if memory not in fixed]


def is_written(net: Net, live: LiveRange) -> bool:
    """Whether the diff of these blobs is computed in every backward pass before a layer reads it."""
    i = live.death
    silent = net.layers[i].no_gradient
    return net.runs_backward[i] and all(
        wanted and k not in silent
        for k, (blob, wanted) in enumerate(zip(net.bottoms[i], net.propagate_down[i], strict=True))
        if blob in live.blobs
    )
