"""The structs Box and Window of common.cuh, which kernels take by value: int32, packed.

They depend on shapes alone, so each is packed once.
"""

import functools
from collections.abc import Sequence
from math import prod

import numpy as np

from ...errors import EngineError
from ...shapes import Shape
from ..windows import Window

MAX_AXES = 8


def pack(counts: Sequence[int], rows: Sequence[Sequence[int]]) -> bytes:
    """A struct of single ints followed by arrays of MAX_AXES ints."""
    axes = len(rows[0])
    if axes > MAX_AXES:
        raise EngineError(
            f"engine 'cuda' computes over at most {MAX_AXES} axes at a time; found {axes}"
        )
    packed = np.zeros(len(counts) + len(rows) * MAX_AXES, np.int32)
    packed[: len(counts)] = counts
    packed[len(counts) :].reshape(len(rows), MAX_AXES)[:, :axes] = rows
    return packed.tobytes()


@functools.lru_cache(maxsize=4096)
def box(extents: Shape, a: Shape, b: Shape | None = None) -> bytes:
    """The Box of these extents for one or two tensors, given by their strides. Adjacent axes are
    merged if all tensors are contiguous across them."""
    joined: list[tuple[int, ...]] = []
    for extent, *steps in zip(extents, a, b or a, strict=True):
        if joined and continues(joined[-1], extent, steps):
            joined[-1] = (joined[-1][0] * extent, *steps)
        elif extent != 1:
            joined.append((extent, *steps))
    rows = list(zip(*joined, strict=True)) or [()] * 3
    return pack([len(joined)], rows)


def continues(outer: Sequence[int], extent: int, steps: Sequence[int]) -> bool:
    """Whether, for every tensor, each step of the outer axis continues where the inner axis, with
    `extent`, ends."""
    _, *around = outer
    return all(step == extent * inner for step, inner in zip(around, steps, strict=True))


@functools.lru_cache(maxsize=4096)
def strides(shape: Shape) -> Shape:
    """The distance between neighbors along each axis; 0 along an axis of extent 1, over which a
    tensor broadcasts."""
    return tuple(prod(shape[i + 1 :]) if n != 1 else 0 for i, n in enumerate(shape))


@functools.lru_cache(maxsize=4096)
def window_over(image: Shape, positions: Shape, window: Window) -> bytes:
    """The Window that slides over an image of these extents, with these positions."""
    counts = (len(image), prod(image), prod(window.kernel), prod(positions))
    rows = (image, window.kernel, positions, window.stride, window.pad, window.dilation)
    return pack(counts, rows)
