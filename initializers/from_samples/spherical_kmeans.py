"""Spherical k-means: the directions around which rows of unit length cluster."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ...netlib.engines import Engine
from ...netlib.memory import Tensor
from .device_rows import uploaded

BLOCK = 4096
# An iteration on every 8th row, four more, then on every 4th ...
SHARES = (8, 8, 8, 8, 8, 4, 4, 4, 2, 2, 1, 1)
FEWEST = 8  # rows per centroid, if there are enough


def spherical_kmeans(
    rows: ndarray | Tensor,
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
    on the device of `engine`, if it has one; then the rows may be a Tensor.
    """
    total = rows.shape[0]
    sums_of = sums_by(engine, rows)
    largest_share = max(total // (FEWEST * count), 1)
    centroids = sums_of.take(rng.choice(total, count, replace=False))
    for share in shares:
        share = min(share, largest_share)
        chosen = range(rng.integers(share), total, share)
        sums = sums_of(chosen, centroids)
        lengths = np.linalg.norm(sums, axis=1)
        dead = lengths < 1e-6
        drawn = rng.integers(total, size=np.count_nonzero(dead))
        sums[dead] = sums_of.take(drawn)
        lengths[dead] = 1
        centroids = sums / lengths[:, None]
    return centroids


class Sums(Protocol):
    """Rows, and the sums of those around each centroid."""

    def __call__(self, chosen: range, centroids: ndarray) -> ndarray:
        """From the chosen rows and the centroids (count, d), the sums (count, d) of the rows
        nearest to each centroid."""

    def take(self, index: ndarray) -> ndarray:
        """The rows of these numbers."""


def sums_by(engine: Engine | None, rows: ndarray | Tensor) -> Sums:
    if engine and engine.on_device:
        return DeviceSums(engine, rows)
    return HostSums(rows.array() if isinstance(rows, Tensor) else rows)


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

    def take(self, index: ndarray) -> ndarray:
        return self.rows[index]


def belongs_to(nearest: ndarray, count: int) -> Any:
    """A sparse matrix (count, rows) of zeros and ones: column i has its one in row nearest[i]."""
    from scipy.sparse import csc_array

    rows = len(nearest)
    ones = np.ones(rows, np.float32)
    ends = np.arange(rows + 1)
    return csc_array((ones, nearest, ends), shape=(count, rows))


class DeviceSums:
    """The sums by an engine, with the rows on its device."""

    def __init__(self, engine: Engine, rows: ndarray | Tensor):
        self.engine = engine
        self.rows = rows if isinstance(rows, Tensor) else uploaded(engine, rows)

    def __call__(self, chosen: range, centroids: ndarray) -> ndarray:
        count, size = centroids.shape
        directions = uploaded(self.engine, centroids)
        sums = self.engine.tensor(count, size)
        for start in range(0, len(chosen), BLOCK):
            block = chosen[start : start + BLOCK]
            self._add(block, directions, sums)
        return sums.array()

    def take(self, index: ndarray) -> ndarray:
        out = self.engine.tensor(len(index), self.rows.shape[1])
        if len(index):
            self.engine.gather(self.rows, index.tolist(), 0, out=out)
        return out.array()

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
