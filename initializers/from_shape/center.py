"""Kernels that are zero except at their centre, where there is a matrix."""

from collections.abc import Callable

import numpy as np
from numpy import ndarray

from ...netlib.errors import NetError
from ...netlib.shapes import Shape, dimensions


def at_center(name: str, shape: Shape, matrix: Callable[[int, int], ndarray]) -> ndarray:
    """Float32 weights of `shape` (outputs, inputs, ...): `matrix(outputs, inputs)` at the centre
    k // 2 of each axis of the kernel, zero elsewhere.

    Raises NetError for a shape without outputs and inputs.
    """
    if len(shape) < 2:
        raise NetError(
            f'{name} filler: found a blob of shape {dimensions(shape)}, needed: weights '
            '(outputs, inputs, ...)'
        )
    outputs, inputs, *kernel = shape
    weights = np.zeros(shape, np.float32)
    everything = slice(None)
    center: list[slice | int] = [size // 2 for size in kernel]
    weights[(everything, everything, *center)] = matrix(outputs, inputs)
    return weights
