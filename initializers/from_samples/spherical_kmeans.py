"""Spherical k-means: the directions around which rows of unit length gather."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator

from ...netlib.engines import Engine

BLOCK = 4096
# An iteration on every 8th row, four more, then on every 4th ...
SHARES = (8,) * 5 + (4,) * 3 + (2,) * 2 + (1,) * 2
FEWEST = 8  # rows for each centroid, where there are as many

Sums = Callable[[range, np.ndarray], np.ndarray]


def spherical_kmeans(
    rows: np.ndarray,
    count: int,
    rng: Generator,
    shares: Sequence[int] = SHARES,
    engine: Engine | None = None,
) -> np.ndarray:
    """Centroids (count, d) of unit length that raise the mean cosine between a row and its nearest
    centroid.

    rows (n, d): float32, of unit length or zero, n >= count. Lloyd's algorithm from randomly chosen
    rows: give each row to the centroid of greatest inner product, then turn each centroid to the
    sum of its rows; one without rows is drawn anew (Dhillon & Modha 2001; Coates & Ng 2012 also
    damp the step and let a centroid stand for its negative). One iteration for each of `shares`, on
    every share-th row from a random one on: the first iterations move the centroids so far that few
    rows tell the way, and more rows later save the way back. The iterations are those of `engine`
    if it computes on a device.
    """
    sums_of = sums_by(engine, rows)
    largest_share = max(len(rows) // (FEWEST * count), 1)
    centroids = rows[rng.choice(len(rows), count, replace=False)]
    for share in shares:
        share = min(share, largest_share)
        chosen = range(rng.integers(share), len(rows), share)
        sums = sums_of(chosen, centroids)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        dead = lengths[:, 0] < 1e-6
        sums[dead] = rows[rng.integers(len(rows), size=int(dead.sum()))]
        lengths[dead] = 1
        centroids = sums / lengths
    return centroids


def sums_by(engine: Engine | None, rows: np.ndarray) -> Sums:
    """What sums the rows around each centroid: for the chosen rows and centroids (count, d) the sum
    (count, d) of those rows to which a centroid is the nearest."""
    if engine and engine.on_device:
        return DeviceSums(engine, rows)
    return HostSums(rows)


class HostSums:
    """The sums by NumPy and SciPy."""

    def __init__(self, rows: np.ndarray):
        self.rows = rows

    def __call__(self, chosen: range, centroids: np.ndarray) -> np.ndarray:
        rows = self.rows[chosen.start :: chosen.step]
        sums = np.zeros_like(centroids)
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            nearest = (block @ centroids.T).argmax(axis=1)
            sums += belongs_to(nearest, len(centroids)) @ block
        return sums


def belongs_to(nearest: np.ndarray, count: int):
    """A sparse matrix (count, rows) of zeros and ones: column i has its one in row nearest[i]."""
    from scipy.sparse import csc_array

    rows = len(nearest)
    ones = np.ones(rows, np.float32)
    return csc_array((ones, nearest, np.arange(rows + 1)), shape=(count, rows))


class DeviceSums:
    """The sums by an engine on whose device the rows lie."""

    def __init__(self, engine: Engine, rows: np.ndarray):
        self.engine = engine
        self.rows = engine.tensor(*rows.shape)
        self.rows.set(rows)

    def __call__(self, chosen: range, centroids: np.ndarray) -> np.ndarray:
        count, size = centroids.shape
        directions = self.engine.tensor(count, size)
        directions.set(centroids)
        sums = self.engine.tensor(count, size)
        for start in range(0, len(chosen), BLOCK):
            self._add(chosen[start : start + BLOCK], directions, sums)
        return sums.array()

    def _add(self, chosen: range, directions, sums) -> None:
        e, length, (count, size) = self.engine, len(chosen), sums.shape
        block = e.tensor(length, size)
        cosines = e.tensor(length, count, 1)
        largest = e.tensor(length, 1)
        nearest = e.tensor(length, 1)
        e.gather(self.rows, chosen, 0, out=block)
        e.gemm(block, directions, out=cosines.reshape(-1, count), transpose_b=True)
        e.max_forward(cosines, out=largest, winner=nearest)
        belongs = cosines  # whose numbers are not needed any more
        e.one_hot(nearest, None, out=belongs)
        e.gemm(belongs.reshape(-1, count), block, out=sums, transpose_a=True, accumulate=True)
