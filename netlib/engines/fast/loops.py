"""Shapes as nested loops, as few as there can be, which is how kernels see broadcasting, windows
and reductions."""

import functools
from math import prod

from ...shapes import Shape

AXES = 4  # what kernels take; struct Loops in kernels/elementwise.hpp


def steps(shape: Shape, out: Shape) -> Shape:
    """Elements between neighbours along each axis of a contiguous array that broadcasts to `out`; 0
    where it does."""
    return tuple(
        0 if n == 1 != m else prod(shape[i + 1 :])
        for i, (n, m) in enumerate(zip(shape, out, strict=True))
    )


@functools.lru_cache(maxsize=4096)
def nest(shape: Shape, *operands: Shape) -> tuple[Shape, ...]:
    """The extents of the loops over `shape`, and the steps of each operand (given by axis) in them.

    Axes of extent 1 are left out, and neighbours along which every operand goes on evenly become
    one.
    """
    loops: list[tuple[int, ...]] = []
    for extent, *by_axis in zip(shape, *operands, strict=True):
        if extent == 1:
            continue
        if loops and all(
            outer == extent * inner for outer, inner in zip(loops[-1][1:], by_axis, strict=True)
        ):
            extent *= loops.pop()[0]
        loops.append((extent, *by_axis))
    return tuple(zip(*loops, strict=True)) if loops else ((),) * (1 + len(operands))


@functools.lru_cache(maxsize=4096)
def packed(shape: Shape, *operands: Shape) -> Shape | None:
    """The same for a kernel: AXES extents, then AXES steps of each operand, 0 or 1 in the innermost
    loop; None where there are more loops."""
    extents, *by_operand = nest(shape, *operands)
    if not extents or any(by_axis[-1] > 1 for by_axis in by_operand):
        extents, by_operand = (*extents, 1), [(*by_axis, 1) for by_axis in by_operand]
    missing = AXES - len(extents)
    if missing < 0:
        return None
    return (
        (1,) * missing
        + extents
        + tuple(n for by_axis in by_operand for n in (0,) * missing + by_axis)
    )


@functools.lru_cache(maxsize=4096)
def broadcast(shape: Shape, *operands: Shape) -> Shape | None:
    """The same for contiguous operands of these shapes, which broadcast to `shape`."""
    return packed(shape, *(steps(operand, shape) for operand in operands))


@functools.lru_cache(maxsize=4096)
def reduction(shape: Shape, out: Shape) -> Shape | None:
    """(outer, kept, inner) of a sum over outer and inner; None where summed and kept axes alternate
    more often."""
    extents, kept = nest(shape, steps(out, shape))
    summed = [step == 0 for step in kept]
    if summed[:1] != [True] or summed == [True]:  # an axis that is not there has one element
        extents, summed = (1, *extents), [True, *summed]
    if summed[1:2] != [False]:
        extents, summed = (extents[0], 1, *extents[1:]), [True, False, *summed[1:]]
    if len(summed) < 3:
        extents, summed = (*extents, 1), [*summed, True]
    return extents if len(summed) == 3 else None
