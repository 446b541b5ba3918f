"""Spherical k-means: the directions around which rows of unit length cluster."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ...netlib.engines import Engine
from ...netlib.memory import Tensor

BLOCK = 4096
# An iteration on every 8th row, four more, then on every 4th ...
SHARES = (8, 8, 8, 8, 8, 4, 4, 4, 2, 2, 1, 1)
FEWEST = 8  # rows per centroid, if there are enough

Sums = Callable[[range, ndarray], ndarray]


def spherical_kmeans(
    rows: ndarray,
    count: int,
    rng: Generator,
    shares: Sequence[int] = SHARES,
    engine: Engine | None = None,
) -> ndarray:
    """Centroids (count, d) of unit length that raise the mean cosine between a row and its nearest
    centroid.

    rows (n, d): float32, of unit length or zero, n >= count. Lloyd's algorithm starts from randomly
    chosen rows: assign each row to the centroid with the greatest inner product, then turn
    each centroid toward the sum of its rows; redraw a centroid without rows (Dhillon & Modha 2001;
    Coates & Ng 2012 also damp the step and let a centroid represent its negative). There is one
    iteration for each of `shares`, on every share-th row from a random start: early iterations move
    the centroids so far that a few rows suffice, and later ones need more rows. The iterations run
    on the device of `engine`, if it has one.
    """
    sums_of = sums_by(engine, rows)
    largest_share = max(len(rows) // (FEWEST * count), 1)
    centroids = rows[rng.choice(len(rows), count, replace=False)]
    for share in shares:
        share = min(share, largest_share)
        chosen = range(rng.integers(share), len(rows), share)
        sums = sums_of(chosen, centroids)
        lengths = np.linalg.norm(sums, axis=1)
        dead = lengths < 1e-6
        drawn = rng.integers(len(rows), size=np.count_nonzero(dead))
        sums[dead] = rows[drawn]
        lengths[dead] = 1
        centroids = sums / lengths[:, None]
    return centroids


def sums_by(engine: Engine | None, rows: ndarray) -> Sums:
    """A function that sums the rows around each centroid: from the chosen rows and the centroids
    (count, d), it computes the sums (count, d) of the rows nearest to each centroid."""
    if engine and engine.on_device:
        return DeviceSums(engine, rows)
    return HostSums(rows)


class HostSums:
    """The sums by NumPy and SciPy."""

    def __init__(self, rows: ndarray):
        self.rows = rows

    def __call__(self, chosen: range, centroids: ndarray) -> ndarray:
        rows = self.rows[chosen.start :: chosen.step]
        sums = np.zeros_like(centroids)
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            cosines = block @ centroids.T
            nearest = cosines.argmax(axis=1)
            sums += belongs_to(nearest, len(centroids)) @ block
        return sums


def belongs_to(nearest: ndarray, count: int) -> Any:
    """A sparse matrix (count, rows) of zeros and ones: column i has its one in row nearest[i]."""
    from scipy.sparse import csc_array

    rows = len(nearest)
    ones = np.ones(rows, np.float32)
    ends = np.arange(rows + 1)
    return csc_array((ones, nearest, ends), shape=(count, rows))


class DeviceSums:
    """The sums by an engine, with the rows on its device."""

    def __init__(self, engine: Engine, rows: ndarray):
        self.engine = engine
        self.rows = engine.tensor(*rows.shape)
        self.rows.set(rows)

    def __call__(self, chosen: range, centroids: ndarray) -> ndarray:
        count, size = centroids.shape
        directions = self.engine.tensor(count, size)
        directions.set(centroids)
        sums = self.engine.tensor(count, size)
        for start in range(0, len(chosen), BLOCK):
            block = chosen[start : start + BLOCK]
            self._add(block, directions, sums)
        return sums.array()

    def _add(self, chosen: range, directions: Tensor, sums: Tensor) -> None:
        e = self.engine
        length = len(chosen)
        count, size = sums.shape
        block = e.tensor(length, size)
        cosines = e.tensor(length, count)
        largest = e.tensor(length, 1)
        nearest = e.tensor(length, 1)
        e.gather(self.rows, chosen, 0, out=block)
        e.gemm(block, directions, out=cosines, transpose_b=True)
        e.max_forward(cosines.reshape(length, count, 1), out=largest, winner=nearest)
        belongs = cosines  # reuses the memory of the cosines
        e.one_hot(nearest, None, out=belongs.reshape(length, count, 1))
        e.gemm(belongs, block, out=sums, transpose_a=True, accumulate=True)
