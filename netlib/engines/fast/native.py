"""The compiled kernels as a library of plain C functions, called by ctypes."""
import ctypes
import functools
import pathlib
from collections.abc import Sequence

import numpy as np

c_long = ctypes.c_long


@functools.cache
def load() -> ctypes.CDLL | None:
    """The library that setup.py built from ../native/*.cpp, or None where there is none."""
    built = sorted(pathlib.Path(__file__).parent.glob('_kernels*.so'))
    return ctypes.CDLL(str(built[0])) if built else None


def pointer(array: np.ndarray | None) -> ctypes.c_void_p:
    """The address of a contiguous float32 array; null for None."""
    return ctypes.c_void_p(None if array is None else array.ctypes.data)


def longs(values: Sequence[int]) -> ctypes.Array:
    return (c_long * len(values))(*values)
