"""Spherical k-means: the directions around which rows of unit length gather."""
from collections.abc import Sequence

import numpy as np

BLOCK = 4096
SHARES = (8,) * 5 + (4,) * 3 + (2,) * 2 + (1,) * 2    # an iteration on every 8th row, four more, then on every 4th ...
FEWEST = 8                                          # rows for each centroid, where there are as many


def spherical_kmeans(rows: np.ndarray, count: int, rng: np.random.Generator,
                     shares: Sequence[int] = SHARES) -> np.ndarray:
    """Centroids (count, d) of unit length that raise the mean cosine between a row and its nearest centroid.

    rows (n, d): float32, of unit length or zero, n >= count. Lloyd's algorithm from randomly chosen rows:
    give each row to the centroid of greatest inner product, then turn each centroid to the sum of its rows;
    one without rows is drawn anew (Dhillon & Modha 2001; Coates & Ng 2012 also damp the step and let a
    centroid stand for its negative). One iteration for each of `shares`, on every share-th row from a random one on:
    the first iterations move the centroids so far that few rows tell the way, and more rows later save the way back.
    """
    centroids = rows[rng.choice(len(rows), count, replace=False)]
    for share in shares:
        share = min(share, max(len(rows) // (FEWEST * count), 1))
        sums = _sums(rows[rng.integers(share)::share], centroids)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        dead = lengths[:, 0] < 1e-6
        sums[dead] = rows[rng.integers(len(rows), size=int(dead.sum()))]
        centroids = sums / np.where(dead[:, None], 1, lengths)
    return centroids


def _sums(rows: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """For each centroid (count, d) the sum of the rows to which it is the nearest."""
    from scipy.sparse import csc_array
    sums = np.zeros_like(centroids)
    for start in range(0, len(rows), BLOCK):
        block = rows[start:start + BLOCK]
        nearest = (block @ centroids.T).argmax(axis=1)
        # Column i has a single one, in the row of block[i]'s centroid: the product sums each centroid's rows.
        ones, ends = np.ones(len(block), np.float32), np.arange(len(block) + 1)
        sums += csc_array((ones, nearest, ends), shape=(len(centroids), len(block))) @ block
    return sums
