"""Shapes as nested loops, as few as possible: the form in which kernels see broadcasting, windows
and reductions."""

import functools
from collections.abc import Sequence
from math import prod

from numpy import ndarray

from ...shapes import Shape

AXES = 4  # what kernels take; struct Loops in kernels/loops.hpp


def takes(*arrays: ndarray) -> bool:
    """Whether kernels for images compute these arrays: of four axes, none of them empty."""
    return all(array.ndim == 4 and array.size for array in arrays)


def steps(shape: Shape, out: Shape) -> Shape:
    """How far apart neighbors along each axis of a contiguous array lie; 0 along an axis that
    broadcasts to `out`."""
    found = []
    for i, (n, m) in enumerate(zip(shape, out, strict=True)):
        found.append(0 if n == 1 != m else prod(shape[i + 1 :]))
    return tuple(found)


def offset(place: Sequence[int], down: Shape) -> int:
    """The distance of an element from the first one, by the steps along each axis."""
    return sum(i * n for i, n in zip(place, down, strict=True))


@functools.lru_cache(maxsize=4096)
def nest(shape: Shape, *operands: Shape) -> tuple[Shape, ...]:
    """The extents of the loops over `shape`, and the steps of each operand (given by axis) in them.

    Axes of extent 1 are dropped, and adjacent axes become one where every operand is contiguous
    across them.
    """
    loops: list[Shape] = []
    for extent, *by_axis in zip(shape, *operands, strict=True):
        if extent == 1:
            continue
        if loops and continues(loops[-1], extent, by_axis):
            extent *= loops.pop()[0]
        loops.append((extent, *by_axis))
    return tuple(zip(*loops, strict=True)) if loops else ((),) * (1 + len(operands))


def continues(outer: Shape, extent: int, by_axis: Sequence[int]) -> bool:
    """Whether, for every operand, each turn of the outer loop continues where the inner one, of
    `extent`, ends."""
    _, *around = outer
    return all(step == extent * inner for step, inner in zip(around, by_axis, strict=True))


@functools.lru_cache(maxsize=4096)
def packed(shape: Shape, *operands: Shape) -> Shape | None:
    """`nest` for a kernel: AXES extents, then AXES steps of each operand, which are 0 or 1 in the
    innermost loop; None if it takes more loops."""
    extents, *by_operand = nest(shape, *operands)
    if not extents or any(by_axis[-1] > 1 for by_axis in by_operand):
        extents = (*extents, 1)
        by_operand = [(*by_axis, 1) for by_axis in by_operand]
    missing = AXES - len(extents)
    if missing < 0:
        return None
    found = (1,) * missing + extents
    for by_axis in by_operand:
        found += (0,) * missing + by_axis
    return found


@functools.lru_cache(maxsize=4096)
def broadcast(shape: Shape, *operands: Shape) -> Shape | None:
    """`packed` for contiguous operands of these shapes, which broadcast to `shape`."""
    return packed(shape, *(steps(operand, shape) for operand in operands))


@functools.lru_cache(maxsize=4096)
def reduction(shape: Shape, out: Shape) -> tuple[int, int, int] | None:
    """(outer, kept, inner) of a sum over outer and inner; None if summed and kept axes alternate
    more often, or there is nothing to sum."""
    if 0 in shape:
        return None
    extents, kept = nest(shape, steps(out, shape))
    summed = [step == 0 for step in kept]
    # A missing axis has extent 1.
    if summed[:1] != [True] or summed == [True]:
        extents = (1, *extents)
        summed = [True, *summed]
    if summed[1:2] != [False]:
        extents = (extents[0], 1, *extents[1:])
        summed = [True, False, *summed[1:]]
    if len(summed) < 3:
        extents = (*extents, 1)
        summed = [*summed, True]
    if len(summed) > 3:
        return None
    outer, middle, inner = extents
    return outer, middle, inner
