"""The signatures that several kernels share: declarations.py names these kernels."""

from .native import Array, Float, Integers, Long, OptionalArray, Parameters, Struct

PIXELS = ('bytes', 'floats')


def elementwise(
    a: Array, b: OptionalArray, c: OptionalArray, parameters: Parameters, out: Array, n: Long
) -> None:
    """A kernel from n elements of up to three inputs, with up to three parameters, to n outputs."""


def broadcast(a: Array, b: Array, out: Array, loops: Struct) -> None:
    """A kernel whose inputs broadcast."""


def placed(
    images: Integers,
    count: Long,
    scale: Float,
    out: Array,
    channels: Long,
    height: Long,
    width: Long,
) -> None:
    """A kernel that makes a batch of images (placing.py) of so many channels, rows and columns."""
