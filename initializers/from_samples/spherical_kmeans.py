"""Spherical k-means: the directions around which rows of unit length cluster."""

from collections.abc import Sequence

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ...netlib.engines import Engine
from ...netlib.memory import Tensor
from .centroids import centroids_by

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
    centroids = centroids_by(engine, rows)
    largest_share = max(total // (FEWEST * count), 1)
    centroids.start(rng.choice(total, count, replace=False))
    for share in shares:
        share = min(share, largest_share)
        chosen = range(rng.integers(share), total, share)
        lengths = centroids.add_up(chosen)
        dead = lengths < 1e-6
        drawn = rng.integers(total, size=np.count_nonzero(dead))
        centroids.redraw(np.flatnonzero(dead), drawn)
        lengths[dead] = 1
        centroids.divide(lengths)
    return centroids.array()
