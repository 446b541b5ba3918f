"""The structs Divisor, Box and Window of common.cuh and Terms of sums.cuh, which kernels take by
value: int32, packed.

They depend on shapes alone, so each is packed once.
"""

import functools
from collections.abc import Iterable, Sequence
from math import prod

import numpy as np

from ...errors import EngineError
from ...shapes import Shape
from ..windows import Window
from .chunks import Chunked

MAX_AXES = 8


def pack(members: Iterable[int]) -> bytes:
    """A struct of ints."""
    return np.array([*members], np.int32).tobytes()


def divisor(by: int) -> tuple[int, int, int]:
    """The members of a Divisor, with which a kernel divides by `by`."""
    shift = max(by - 1, 0).bit_length()
    factor = -(-(1 << 31 + shift) // by) if by else 0  # nothing is divided by 0
    return by, int(np.uint32(factor).view(np.int32)), shift


@functools.lru_cache(maxsize=4096)
def packed_divisor(by: int) -> bytes:
    return pack(divisor(by))


@functools.lru_cache(maxsize=4096)
def packed_terms(t: Chunked) -> bytes:
    return pack((t.kept, *divisor(t.inner), t.width, t.units, t.length, *divisor(t.chunks)))


def each_axis(numbers: Sequence[int]) -> list[int]:
    """An array with a number for each of MAX_AXES axes, of which those missing are 0."""
    axes = len(numbers)
    if axes > MAX_AXES:
        raise EngineError(
            f"engine 'cuda' computes over at most {MAX_AXES} axes at a time; found {axes}"
        )
    return [*numbers, *[0] * (MAX_AXES - axes)]


def divisors(numbers: Sequence[int]) -> list[int]:
    """An array with a Divisor for each of MAX_AXES axes."""
    return [member for by in each_axis(numbers) for member in divisor(by)]


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
    each, of_a, of_b = list(zip(*joined, strict=True)) or [()] * 3
    return pack([len(joined), *divisors(each), *each_axis(of_a), *each_axis(of_b)])


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
    members = [len(image)]
    for extents in (image, window.kernel, positions):
        members += divisor(prod(extents))
    for extents in (image, window.kernel, positions, window.stride):
        members += divisors(extents)
    return pack([*members, *each_axis(window.pad), *each_axis(window.dilation)])
