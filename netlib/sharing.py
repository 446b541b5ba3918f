"""Less memory for a net that only runs forward: blobs whose lives do not overlap use the same one."""
from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .blob import Blob
from .memory import Memory

if TYPE_CHECKING:
    from .net import Net


@dataclass
class Life:
    """Blobs that have one memory already (in place, or another shape of the same values), from the layer that writes
    the first of them to the layer that reads the last."""
    birth: int
    death: int
    blobs: list[Blob] = field(default_factory=list)

    @property
    def size(self) -> int:
        return max(blob.count for blob in self.blobs)


def share_memory(net: Net, keep: Collection[str] = ()) -> None:
    """Give blobs of which one dies before the other is born the same memory, as many bytes as the larger one needs.

    Net.share_memory says what is left after a pass. Each memory that has become free goes to the next blob that is
    born: the smallest that is large enough, or else the largest, which grows.
    """
    free: list[Memory] = []
    dying: dict[int, list[Memory]] = {}
    for life in sorted(lives(net, keep), key=lambda life: life.birth):
        for death in sorted(index for index in dying if index < life.birth):
            free += dying.pop(death)
        memory = best(free, life.size)
        if memory is None or memory.size < life.size:
            larger = Memory(life.size, net.engine.dtype)
            for blob in [b for b in net.blobs.values() if memory is not None and b.values.memory is memory]:
                blob.use(larger)
            memory = larger
        for blob in life.blobs:
            blob.use(memory)
        dying.setdefault(life.death, []).append(memory)


def best(free: list[Memory], size: int) -> Memory | None:
    """Take the smallest memory of at least that size, or else the largest; None where nothing is free."""
    if not free:
        return None
    fitting = [memory for memory in free if memory.size >= size]
    chosen = min(fitting, key=lambda memory: memory.size) if fitting else max(free, key=lambda memory: memory.size)
    free.remove(chosen)
    return chosen


def lives(net: Net, keep: Collection[str]) -> list[Life]:
    """The lives of all memories that may be shared."""
    fixed = {blob.values.memory for name, blob in net.blobs.items() if name in {*net.inputs, *net.outputs, *keep}}
    fixed |= {param.values.memory for param in net.all_params()}
    found: dict[Memory, Life] = {}
    for i, blobs in enumerate(b + t for b, t in zip(net.bottoms, net.tops, strict=True)):
        for blob in blobs:
            life = found.setdefault(blob.values.memory, Life(i, i))
            life.death = i
            if blob not in life.blobs:
                life.blobs.append(blob)
    return [life for memory, life in found.items() if memory not in fixed]
