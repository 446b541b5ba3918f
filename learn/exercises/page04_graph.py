"""Page 4: a graph, its order and its memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...netlib.blob import Blob
from ...netlib.graph import prepare_net
from ...netlib.memory import Arena
from ...netlib.plan.live_ranges import LiveRange
from ...netlib.plan.sharing import lowest_start
from ...proto import caffe_pb2 as pb
from ..exercise import Case, Wrong, exercise

Layers = list[tuple[list[str], list[str]]]

CHAIN = [([], ['x']), (['x'], ['a']), (['a'], ['b'])]
FORK = [([], ['x']), (['x'], ['a']), (['x'], ['b']), (['a', 'b'], ['c'])]
IN_PLACE = [([], ['x']), (['x'], ['a']), (['a'], ['a']), (['a'], ['b']), (['a'], ['c'])]
TWICE = [([], ['x']), (['x', 'x'], ['a']), (['x', 'a'], ['b']), (['a', 'b'], ['c'])]


def as_pairs(found: Callable[..., Any], case: Case) -> Any:
    """The layers as tuples, and the names that a solution returns as places in a sorted list."""
    layers = [(list(bottoms), list(tops)) for bottoms, tops in case['layers']]
    names = sorted({name for _, tops in layers for name in tops})
    result = found(layers)
    if not isinstance(result, dict):
        raise Wrong(f'it returned {type(result).__name__}; needed: a dict, {{blob: copies}}')
    unknown = sorted(set(result) - set(names), key=str)
    if unknown:
        raise Wrong(f'{unknown[0]!r} is no blob of this net')
    return [result.get(name, 0) for name in names]


@exercise(
    '4.1',
    'where Caffe inserts a Split',
    [{'layers': layers} for layers in (CHAIN, FORK, IN_PLACE, TWICE)],
    returns=('the copies of each blob, in alphabetical order',),
    run=as_pairs,
)
def copies(layers: list[tuple[list[str], list[str]]]) -> dict[str, int]:
    """How many copies of each blob Caffe makes.

    layers   (bottoms, tops) of each layer, in order
    returns  {blob: copies} for the blobs that get a Split, which are those with several readers

    A layer that works in place (a blob is a bottom and a top of it) writes a new version of the
    blob: only readers of the same version need copies. Of each blob here, at most one version does.
    """
    net = pb.NetParameter()
    for i, (bottoms, tops) in enumerate(layers):
        net.layer.add(name=f'l{i}', type='Concat', bottom=bottoms, top=tops)
    found = {}
    for layer in prepare_net(net).layer:
        if layer.type == 'Split':
            blob, _, _ = layer.name.partition('_')
            found[blob] = len(layer.top)
    return found


def readers_of(layers: Layers) -> dict[str, int]:
    counts: dict[str, int] = {}
    for bottoms, _ in layers:
        for blob in bottoms:
            counts[blob] = counts.get(blob, 0) + 1
    return counts


@copies.mistake('a layer in place is counted with the readers of the version that it writes')
def in_place_counted(layers):
    return {blob: count for blob, count in readers_of(layers).items() if count > 1}


@copies.mistake('blobs with one reader are in the result; they need no copy')
def single_readers(layers):
    right = copies.solution(layers)
    return {blob: right.get(blob, 1) for blob in readers_of(layers)}


@copies.mistake('a layer that reads a blob twice needs two copies of it')
def layers_counted(layers):
    once = [(list(dict.fromkeys(bottoms)), tops) for bottoms, tops in layers]
    return copies.solution(once)


LENET = {'sizes': [50, 40, 10, 30, 8, 5], 'first': [0, 1, 2, 3, 4, 5], 'last': [1, 2, 3, 4, 5, 6]}
BRANCHES = {'sizes': [20, 20, 30, 10, 20], 'first': [0, 1, 1, 2, 4], 'last': [3, 2, 4, 4, 5]}
KEPT = {'sizes': [8, 16, 8, 4], 'first': [0, 1, 2, 3], 'last': [3, 2, 3, 4]}


@exercise('4.2', 'places for blobs in one memory', [LENET, BRANCHES, KEPT])
def starts(sizes: list[int], first: list[int], last: list[int]) -> list[int]:
    """Where each blob begins in one memory that all share.

    sizes        of each blob, in numbers
    first, last  the layers that write and last read it; it is needed in both

    Take the largest blob first (of equals, the first in the list). Put each as low as possible, so
    that it overlaps with none of those placed that are needed at the same layer.
    """
    return placed(sizes, first, last, sorted(range(len(sizes)), key=lambda i: -sizes[i]))


def placed(sizes, first, last, order):
    """The starts, if blobs are placed in this order. A net's places are multiples of ALIGNMENT."""
    unit = Arena.ALIGNMENT
    ranges = []
    for size, birth, death in zip(sizes, first, last, strict=True):
        ranges.append(LiveRange(birth, death, [Blob('', (size * unit,))]))
    done: list[LiveRange] = []
    for i in order:
        ranges[i].start = lowest_start(ranges[i], done)
        done.append(ranges[i])
    return [live.start // unit for live in ranges]


@starts.mistake('blobs are placed in the order of the list; the largest comes first')
def in_order(sizes, first, last):
    return placed(sizes, first, last, range(len(sizes)))


@starts.mistake(
    'a blob is overwritten by the layer that still reads it: it is needed up to `last`, inclusive'
)
def last_excluded(sizes, first, last):
    return starts.solution(sizes, first, [n - 1 for n in last])


@starts.mistake('no place is used twice: blobs that are not needed at the same layer may share one')
def side_by_side(sizes, first, last):
    return starts.solution(sizes, [0] * len(sizes), [max(last)] * len(sizes))
