"""A net's values for some layers at a time: a pass forward and backward in little memory.

Backward needs what forward has computed, of all layers. Here forward keeps only what later segments
read; when backward comes to a segment, its layers run forward once more (Chen et al. 2016, Training
Deep Nets with Sublinear Memory Cost).
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from operator import add
from typing import Any

from numpy import ndarray

from ..netlib import Net
from ..netlib.blob import Blob, Param
from ..netlib.layers import Layer
from ..netlib.machine import give_back
from ..netlib.memory import Memory
from .portions import room_for_values

Interval = tuple[int, int, int]  # a first layer, a last one, and a weight


class Segments:
    """A net's layers, cut where its values take too much memory.

    ranges   the layers of each segment; all layers are one if their values have room, or need not
             be `frugal`
    reads    the memory that each of them reads of those before it
    present  the number of the segment that has its values
    """

    def __init__(self, net: Net, leave: Callable[[], None], frugal: bool):
        """The inputs have their values. `leave` is called when backward has run through a segment,
        before its values are freed."""
        if frugal:
            net.reshape()
        self.net = net
        self.leave = leave
        self.made = first_tops(net)
        self.ranges = segments_of(net, self.made) if frugal else [range(len(net.layers))]
        self.reads = [self._read_by(layers) for layers in self.ranges]
        self.states: dict[int, dict[str, Any]] = {}  # of layers, before they ran
        self.present = 0

    def forward(self, after_forward: Callable[[int], None]) -> None:
        """Run all layers forward; calls `after_forward` with each one's index."""
        last = len(self.ranges) - 1
        if last:  # whatever ran before may have needed more of it
            self.net.engine.release()
        for number, layers in enumerate(self.ranges):
            self.present = number
            for i in layers:
                if number < last and self.net.bottoms[i]:
                    self.states[i] = self.net.layers[i].state()
                self._run(i, keep=number == last)
                after_forward(i)
            if number < last:
                self._free(set().union(*self.reads))

    def backward(self, diffs: Mapping[str, ndarray]) -> None:
        """Run backward from the named blobs, with these gradients (Net.backward_from); parameters
        get none."""
        self.net.before_backward.append(self._make_present)
        try:
            self.net.backward_from(diffs, accumulate=False)
        finally:
            self.net.before_backward.remove(self._make_present)

    def _make_present(self, i: int) -> None:
        """Make sure that layer i, which is about to run backward, finds the values."""
        while i not in self.ranges[self.present]:
            self.leave()
            self._free(set().union(*self.reads[: self.present]))
            self.present -= 1
            for again in self.ranges[self.present]:
                if again in self.states:
                    self.net.layers[again].restore(self.states[again])
                    self._run(again, keep=True)

    def _run(self, i: int, keep: bool) -> None:
        """Run a layer forward, which keeps what its backward needs, or does not."""
        work = self.net.layers[i].work
        before = work.forward_only
        work.forward_only = before or not keep
        try:
            self.net.forward_layer(i)
        finally:
            work.forward_only = before

    def _free(self, needed: set[Memory]) -> None:
        """Release the values of the present segment, apart from those that are needed."""
        layers = self.ranges[self.present]
        for i in layers:
            self.net.layers[i].work.free()
        for memory, first in self.made.items():
            if first in layers and memory not in needed:
                memory.free()
        self.net.plan.scratch.clear()
        self.net.engine.release()
        give_back()

    def _read_by(self, layers: range) -> set[Memory]:
        bottoms = {memory_of(blob) for i in layers for blob in self.net.bottoms[i]}
        return {memory for memory in bottoms if self.made.get(memory, layers.start) < layers.start}


def first_tops(net: Net) -> dict[Memory, int]:
    """The memory that layers write, each with the first layer that does: not that of parameters,
    which tops may share, nor of inputs."""
    found: dict[Memory, int] = {}
    others = {memory_of(param) for param in net.all_params()}
    for i, (bottom, top) in enumerate(zip(net.bottoms, net.tops, strict=True)):
        for memory in map(memory_of, top):
            if not bottom:
                others.add(memory)
            elif memory not in others:
                found.setdefault(memory, i)
    return found


def segments_of(net: Net, made: dict[Memory, int]) -> list[range]:
    """The layers, in segments whose values and parameters (kernels lay weights out anew) have no
    more numbers than there is room for, as far as they can be cut. A segment that is half full or
    more ends where least crosses its end."""
    tops = [kept_numbers(*step) for step in net.steps]
    room = room_for_values(net, sorted(blob.count for blob in net.blobs.values()))
    if sum(tops) <= room:
        return [range(len(tops))]
    params = [numbers(layer.params) for layer in net.layers]
    filled = [0, *accumulate(map(add, tops, params))]  # by the layers before each
    inseparable = over_cuts(net, [*overwritten(net, made), *sharing_weights(net)])
    crossing = over_cuts(net, read_later(net, made))
    cuts: list[int] = [0]
    possible: list[int] = []
    for i in range(1, len(filled)):
        if possible and filled[i] - filled[cuts[-1]] > room:
            half = [cut for cut in possible if filled[cut] - filled[cuts[-1]] >= room / 2]
            cuts.append(min(half or possible[-1:], key=lambda cut: (crossing[cut], -cut)))
            possible = [cut for cut in possible if cut > cuts[-1]]
        if not inseparable[i]:
            possible.append(i)
    return [range(*ends) for ends in zip(cuts, [*cuts[1:], len(tops)], strict=True)]


def over_cuts(net: Net, intervals: Iterable[Interval]) -> list[int]:
    """The weights of the intervals that a cut before each layer would cut, together."""
    changes = [0] * (len(net.layers) + 2)
    for first, last, weight in intervals:
        changes[first + 1] += weight
        changes[last + 1] -= weight
    return list(accumulate(changes))


def read_later(net: Net, made: dict[Memory, int]) -> list[Interval]:
    """From the first layer that writes a memory to the last that reads it; the weight is its
    size."""
    last: dict[Memory, int] = {}
    for i, bottom in enumerate(net.bottoms):
        last.update((memory_of(blob), i) for blob in bottom)
    return [(made[memory], i, memory.size) for memory, i in last.items() if memory in made]


def overwritten(net: Net, made: dict[Memory, int]) -> list[Interval]:
    """From the first layer that writes a memory to the last that does so in place: a later segment
    would overwrite what it reads itself."""
    last: dict[Memory, int] = {}
    for i, (bottom, top) in enumerate(zip(net.bottoms, net.tops, strict=True)):
        last.update((memory_of(blob), i) for blob in top if blob in bottom)
    return [(made.get(memory, 0), i, 1) for memory, i in last.items()]


def sharing_weights(net: Net) -> list[Interval]:
    """From the first to the last layer with the same parameter: gradients are summed, so the values
    of all must be there."""
    first: dict[Param, int] = {}
    last: dict[Param, int] = {}
    for i, layer in enumerate(net.layers):
        for param in layer.params:
            first.setdefault(param.owner, i)
            last[param.owner] = i
    return [(first[owner], i, 1) for owner, i in last.items()]


def kept_numbers(layer: Layer, bottom: list[Blob], top: list[Blob]) -> int:
    """How many numbers a layer keeps: its tops, or in place its copies of them."""
    in_place = len(top) == 1 and top[0] in bottom
    if in_place and not (layer.traits.keeps_input or layer.traits.keeps_output):
        return 0
    return numbers(top)


def numbers(blobs: Iterable[Blob]) -> int:
    """How many numbers blobs have together."""
    return sum(blob.count for blob in blobs)


def memory_of(blob: Blob) -> Memory:
    return blob.values.memory
