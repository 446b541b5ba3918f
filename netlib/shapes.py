"""Integer rules: which shapes follow from which, with no arithmetic on values.

A shape is a tuple of integers. Every rule here is a pure function of integers;
tests/core/test_shapes.py has a table of examples.
"""

from collections.abc import Sequence
from math import prod

Shape = tuple[int, ...]


def count(shape: Sequence[int], start: int = 0, end: int | None = None) -> int:
    """Number of elements in the axes [start, end) of a shape; 1 for no axes."""
    return prod(shape[start:end])


def dimensions(shape: Sequence[int]) -> str:
    """'3 x 227 x 227' for (3, 227, 227)."""
    return ' x '.join(map(str, shape))


def fold(shape: Sequence[int], start: int, end: int | None = None) -> tuple[int, int, int]:
    """A shape as (outer, middle, inner): the axes before `start`, those from it to `end` (one by
    default), the rest."""
    end = start + 1 if end is None else end
    return count(shape, 0, start), count(shape, start, end), count(shape, end)


def canonical_axis(axis: int, axes: int) -> int:
    """The axis counted from the front; a negative `axis` counts from the back (-1 is the last).

    Raises IndexError if there is no such axis; layers turn it into their own error.
    """
    if not -axes <= axis < axes:
        raise IndexError(f'axis {axis} out of range for a blob with {axes} axes')
    return axis % axes


def conv_extent(size: int, kernel: int, stride: int = 1, pad: int = 0, dilation: int = 1) -> int:
    """Positions of a convolution's window along one axis (Caffe rounds down)."""
    return (size + 2 * pad - (dilation * (kernel - 1) + 1)) // stride + 1


def deconv_extent(size: int, kernel: int, stride: int = 1, pad: int = 0, dilation: int = 1) -> int:
    """The extent that a convolution would have mapped to `size`: the inverse of `conv_extent`."""
    return stride * (size - 1) + dilation * (kernel - 1) + 1 - 2 * pad


def pool_extent(
    size: int, kernel: int, stride: int = 1, pad: int = 0, ceil: bool = True, padded: bool = False
) -> int:
    """Positions of a pooling window along one axis.

    Caffe rounds up, so the last window may extend beyond the image. With padding in any direction
    (`padded`), a last window that starts at or beyond size + pad is dropped.
    """
    room = size + 2 * pad - kernel
    positions = (-(-room // stride) if ceil else room // stride) + 1
    if padded and (positions - 1) * stride >= size + pad:
        positions -= 1
    return positions


def pool_extents(
    image: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    pad: Sequence[int],
    ceil: bool = True,
) -> Shape:
    """Positions of a pooling window along each axis of an image."""
    padded = any(pad)
    per_axis = zip(image, kernel, stride, pad, strict=True)
    return tuple(pool_extent(*axis, ceil, padded) for axis in per_axis)


def fan_in_out(shape: Sequence[int]) -> tuple[int, int]:
    """Caffe's fan-in and fan-out of a parameter blob: count / shape[0] and count / shape[1].

    Missing axes of a blob with fewer than two axes count as 1 (BVLC filler.hpp).
    """
    total = prod(shape)
    fan_in = total // shape[0] if shape and shape[0] else total
    fan_out = total // shape[1] if len(shape) > 1 and shape[1] else total
    return fan_in, fan_out
