"""Spherical k-means on the host by kernels/nearest.hpp."""

import ctypes

import numpy as np
from numpy import ndarray

from ..interface import Engine
from . import kernels_of
from .declarations import Kernels
from .native import EXTENDED

# Of a product of rows of unit length, and of a distance; and of a product by a matrix unit
# (kernels/bricks.hpp).
ROUNDING = 1e-6
UNIT_ROUNDING = 2**-14


class Clustering:
    """The center nearest to each row, and what is known about the others while all rows are visited
    in one iteration after the other.

    nearest  (n,)    the number of the nearest center, at the last visit
    bounds   (n, k)  what the product with a center does not exceed; None before the first iteration
                     on all rows
    before   (k, d)  the centers to which the bounds apply
    """

    def __init__(self, kernels: Kernels, rows: ndarray):
        self.kernels = kernels
        self.rows = rows
        self.nearest = np.zeros(len(rows), ctypes.c_long)
        self.bounds: ndarray | None = None
        self.before: ndarray | None = None

    def add_up(self, centers: ndarray, chosen: range) -> ndarray:
        """The sums (k, d) of the chosen rows by the nearest of the centers (k, d)."""
        count, size = centers.shape
        bounds = moved = None
        if len(chosen) == len(self.rows) and 2 * count <= size:  # they pay, in time and memory
            moved = self._moved(centers)
            bounds = self.bounds
        sums = np.empty_like(centers)
        clustered = (chosen.start, chosen.step, len(chosen), size, count)
        self.kernels.cluster(self.rows, centers, moved, bounds, self.nearest, sums, clustered)
        return sums

    def _moved(self, centers: ndarray) -> ndarray | None:
        """How far each center has moved since the bounds were found, which apply to these centers
        from now on; None for the first time."""
        before, self.before = self.before, centers
        if before is None:
            self.bounds = np.empty((len(self.rows), len(centers)), np.float32)
            return None
        rounding = UNIT_ROUNDING if self.kernels.isa in EXTENDED else ROUNDING
        return np.linalg.norm(centers - before, axis=1) + np.float32(rounding)


def clustering(rows: ndarray, engine: Engine | None = None) -> Clustering | None:
    """For rows (n, d) of length 1 or 0, by the engine's kernels, or by any. None for other arrays
    than kernels take, and for an engine that has no kernels."""
    if rows.dtype != np.float32 or not rows.flags.c_contiguous or not rows.size:
        return None
    kernels = kernels_of(engine)
    return Clustering(kernels, rows) if kernels else None
