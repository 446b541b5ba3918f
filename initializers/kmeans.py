"""Spherical k-means: the directions around which rows of unit length gather."""

import functools
from collections.abc import Sequence

import numpy as np

from ..netlib.engines import Engine

BLOCK = 4096
SHARES = (
    (8,) * 5 + (4,) * 3 + (2,) * 2 + (1,) * 2
)  # an iteration on every 8th row, four more, then on every 4th ...
FEWEST = 8  # rows for each centroid, where there are as many


def spherical_kmeans(
    rows: np.ndarray,
    count: int,
    rng: np.random.Generator,
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
    sums_of = (
        DeviceSums(engine, rows) if engine and engine.on_device else functools.partial(_sums, rows)
    )
    centroids = rows[rng.choice(len(rows), count, replace=False)]
    for share in shares:
        share = min(share, max(len(rows) // (FEWEST * count), 1))
        sums = sums_of(range(rng.integers(share), len(rows), share), centroids)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        dead = lengths[:, 0] < 1e-6
        sums[dead] = rows[rng.integers(len(rows), size=int(dead.sum()))]
        centroids = sums / np.where(dead[:, None], 1, lengths)
    return centroids


def _sums(rows: np.ndarray, chosen: range, centroids: np.ndarray) -> np.ndarray:
    """For each centroid (count, d) the sum of those of the chosen rows to which it is the nearest."""
    from scipy.sparse import csc_array

    rows = rows[chosen.start :: chosen.step]
    sums = np.zeros_like(centroids)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        nearest = (block @ centroids.T).argmax(axis=1)
        # Column i has a single one, in the row of block[i]'s centroid: the product sums each
        # centroid's rows.
        ones, ends = np.ones(len(block), np.float32), np.arange(len(block) + 1)
        sums += csc_array((ones, nearest, ends), shape=(len(centroids), len(block))) @ block
    return sums


class DeviceSums:
    """`_sums` by an engine on whose device the rows lie."""

    def __init__(self, engine: Engine, rows: np.ndarray):
        self.engine, self.rows = engine, engine.tensor(*rows.shape)
        self.rows.set(rows)

    def __call__(self, chosen: range, centroids: np.ndarray) -> np.ndarray:
        e, (count, size) = self.engine, centroids.shape
        directions, sums = e.tensor(count, size), e.tensor(count, size)
        directions.set(centroids)
        for start in range(0, len(chosen), BLOCK):
            part = chosen[start : start + BLOCK]
            block, cosines = e.tensor(len(part), size), e.tensor(len(part), count, 1)
            largest, nearest = e.tensor(len(part), 1), e.tensor(len(part), 1)
            e.gather(self.rows, part, 0, out=block)
            e.gemm(block, directions, out=cosines.reshape(-1, count), transpose_b=True)
            e.max_forward(cosines, out=largest, winner=nearest)
            belongs = cosines  # whose numbers are not needed any more
            e.one_hot(nearest, None, out=belongs)
            e.gemm(belongs.reshape(-1, count), block, out=sums, transpose_a=True, accumulate=True)
        return sums.array()
