"""The signatures that several kernels share: declarations.py names these kernels."""

from .native import Array, Float, Integers, Long, OptionalArray, Parameters, Struct

PIXELS = ('bytes', 'floats')
# What all threads compute; a line of memory that goes to another core and back.
YARDSTICKS = ('multiply_adds', 'round_trips')


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


def counted(n: Long) -> Long:
    """A kernel that does something n times, and returns how often that was done in all."""
    raise NotImplementedError
