"""Writes images into a batch by kernels/place.hpp. Any thread may, also several at a time."""

import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import load
from .declarations import Kernels
from .native import NoKernels

PIXELS = {np.dtype(np.uint8): 'bytes', np.dtype(np.float32): 'floats'}


def place(
    pixels: Sequence[np.ndarray],
    means: Sequence[np.ndarray | None],
    scale: float,
    out: np.ndarray,
) -> bool:
    """out (n, C, H, W) = (pixels - means) * scale for n images, in float32. False, with nothing
    written, for other types, or without kernels."""
    kernel = function(pixels[0].dtype)
    known = all(each.dtype == pixels[0].dtype for each in pixels)
    known = known and all(mean is None or mean.dtype == np.float32 for mean in means)
    if kernel is None or not known or out.dtype != np.float32 or not out.flags.c_contiguous:
        return False
    table: list[int] = []
    for image, mean in zip(pixels, means, strict=True):
        table += located(image)
        table += (0, 0, 0, 0) if mean is None else located(mean)
    packed = (ctypes.c_long * len(table))(*table)
    kernel(packed, len(pixels), scale, out, *out.shape[1:])
    return True


def located(array: np.ndarray) -> tuple[int, ...]:
    """Its address, and the distances between its elements along each axis, in elements."""
    size = array.itemsize
    return array.__array_interface__['data'][0], *(step // size for step in array.strides)


@functools.cache
def function(dtype: np.dtype) -> Any:
    """The kernel for pixels of this type; None if there is none."""
    if dtype not in PIXELS:
        return None
    try:
        isa = load().isa
    except NoKernels:
        return None
    found = vars(Kernels)['place'].kernels[PIXELS[dtype]].function(isa)
    del found.errcheck  # it looks for a kernel without memory, which would be another thread's
    return found
