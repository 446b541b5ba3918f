"""The turns of a walk: the layers of a net in topological order, those that share weights together.

Layers that share weights take one turn if none of them depends on another, so that their samples
and moments can be pooled: both halves of a siamese net advance side by side. Without shared weights
each layer has its own turn, in the net's order.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from ..netlib import Net
from ..netlib.blob import Param
from .reach import affine_by_index, reads_of_layers

Turn = list[int]  # indices of layers; the first owns the weights


def turns(net: Net) -> list[Turn]:
    """The turns in the order in which they can be taken."""
    reads = reads_of_layers(net)
    groups = sharing(net, reads)
    while True:
        order = ordered(groups, reads)
        if sum(len(turn) for turn in order) == len(reads):
            return order
        # Groups wait for each other: the layers of one take turns of their own.
        groups.remove(next(group for group in groups if group not in order))


def sharing(net: Net, reads: Sequence[Collection[int]]) -> list[Turn]:
    """The groups of several layers with the same weights, none of which depends on another."""
    users: dict[Param, Turn] = defaultdict(list)
    for i, layer in affine_by_index(net).items():
        users[layer.weight.owner].append(i)
    shared = [indices for indices in users.values() if len(indices) > 1]
    if not shared:
        return []
    depends = dependencies(reads)
    groups = []
    for indices in shared:
        group = [indices[0]]
        for i in indices[1:]:
            if not any(depends[i] >> j & 1 for j in group):
                group.append(i)
        groups.append(group)
    return [group for group in groups if len(group) > 1]


def dependencies(reads: Sequence[Collection[int]]) -> list[int]:
    """For each layer, the layers that it depends on, as the bits of a number."""
    depends: list[int] = []
    for direct in reads:
        bits = 0
        for j in direct:
            bits |= depends[j] | 1 << j
        depends.append(bits)
    return depends


def ordered(groups: Sequence[Turn], reads: Sequence[Collection[int]]) -> list[Turn]:
    """The turns, each after those that it reads, in the order of their first layers; turns that
    wait for each other are missing."""
    turn_of = {i: [i] for i in range(len(reads))}
    for group in groups:
        turn_of.update(dict.fromkeys(group, group))
    waits: Counter[int] = Counter()  # for each turn, by its first layer: how many layers it reads
    readers: dict[int, list[Turn]] = defaultdict(list)
    for i, read in enumerate(reads):
        turn = turn_of[i]
        waits[turn[0]] += len(read)
        for j in read:
            readers[j].append(turn)
    ready = [turn for i, turn in turn_of.items() if i == turn[0] and not waits[i]]
    heapq.heapify(ready)
    order = []
    while ready:
        turn = heapq.heappop(ready)
        order.append(turn)
        for i in turn:
            for reader in readers[i]:
                waits[reader[0]] -= 1
                if not waits[reader[0]]:
                    heapq.heappush(ready, reader)
    return order
