"""Rows of unit length."""

import numpy as np
from numpy import ndarray

from ...netlib.engines.fast import Kernels
from ...netlib.engines.fast.loops import broadcast

NEGLIGIBLE = 1e-6  # next to the longest


def to_unit_length(rows: ndarray, kernels: Kernels | None = None) -> ndarray:
    """Divide rows by their lengths in place, by the kernels if there are any; rows negligible next
    to the longest become zero."""
    lengths = np.sqrt(squared_lengths(rows, kernels))
    vanish = lengths <= NEGLIGIBLE * lengths.max(initial=0)
    divisors = np.where(vanish, np.float32(np.inf), lengths)[:, None]
    loops = broadcast(rows.shape, rows.shape, divisors.shape, rows.shape)
    if kernels and loops and rows.size:
        kernels.broadcast['div'](rows, divisors, rows, loops)
    else:
        rows /= divisors
    return rows


def squared_lengths(rows: ndarray, kernels: Kernels | None) -> ndarray:
    if not kernels:
        return np.einsum('ij,ij->i', rows, rows)
    count, size = rows.shape
    squares = np.empty(count, np.float32)
    kernels.dot(rows, rows, squares, 1, count, size, False)
    return squares
