"""Spherical k-means: the directions around which rows of unit length gather."""
import numpy as np

BLOCK = 4096


def spherical_kmeans(rows: np.ndarray, count: int, rng: np.random.Generator,
                     iterations: int = 10) -> np.ndarray:
    """Centroids (count, d) of unit length that raise the mean cosine between a row and its nearest centroid.

    rows (n, d): float32, of unit length or zero, n >= count. Lloyd's algorithm from randomly chosen rows:
    give each row to the centroid of greatest inner product, then turn each centroid to the sum of its rows;
    one without rows is drawn anew (Dhillon & Modha 2001; Coates & Ng 2012 also damp the step and let a
    centroid stand for its negative). Stops early when no row changes its centroid.
    """
    centroids = rows[rng.choice(len(rows), count, replace=False)]
    labels = np.full(len(rows), -1)
    for _ in range(iterations):
        before = labels
        labels, sums = _assign(rows, centroids)
        if np.array_equal(labels, before):
            break
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        dead = lengths[:, 0] < 1e-6
        sums[dead] = rows[rng.integers(len(rows), size=int(dead.sum()))]
        centroids = sums / np.where(dead[:, None], 1, lengths)
    return centroids


def _assign(rows: np.ndarray, centroids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest centroid of each row (n,), and the sum of the rows of each centroid (count, d)."""
    from scipy.sparse import csc_array
    labels = np.empty(len(rows), np.intp)
    sums = np.zeros_like(centroids)
    for start in range(0, len(rows), BLOCK):
        block = rows[start:start + BLOCK]
        nearest = (block @ centroids.T).argmax(axis=1)
        labels[start:start + BLOCK] = nearest
        # Column i has a single one, in the row of block[i]'s centroid: the product sums each centroid's rows.
        ones, ends = np.ones(len(block), np.float32), np.arange(len(block) + 1)
        sums += csc_array((ones, nearest, ends), shape=(len(centroids), len(block))) @ block
    return labels, sums
