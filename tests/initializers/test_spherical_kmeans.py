"""Spherical k-means against scikit-learn, and against itself with more rows."""

import numpy as np
import pytest
from goodinit.initializers.from_samples.centroids import BLOCK
from goodinit.initializers.from_samples.spherical_kmeans import SHARES, spherical_kmeans


def mean_cosine(rows, centroids):
    return (
        (rows @ (centroids / np.linalg.norm(centroids, axis=1, keepdims=True)).T).max(axis=1).mean()
    )


@pytest.mark.parametrize('n, d, count', [(6000, 40, 32), (3000, 100, 64)])
def test_kmeans_is_as_good_as_scikit_learn(n, d, count):
    from sklearn.cluster import KMeans, MiniBatchKMeans

    rows = np.random.default_rng(0).laplace(size=(n, d)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ours = mean_cosine(rows, spherical_kmeans(rows, count, np.random.default_rng(0)))
    lloyd = (
        KMeans(count, init='random', n_init=1, max_iter=10, random_state=0)
        .fit(rows)
        .cluster_centers_
    )
    batches = (
        MiniBatchKMeans(count, batch_size=10 * count, n_init=1, random_state=0)
        .fit(rows)
        .cluster_centers_
    )
    assert ours > 0.98 * mean_cosine(rows, lloyd)
    assert ours > mean_cosine(rows, batches)
    assert ours > 1.05 * mean_cosine(rows, rows[:count])


def test_spherical_kmeans_never_loses_ground():
    rows = np.random.default_rng(0).standard_normal((BLOCK + 100, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    quality = [
        mean_cosine(rows, spherical_kmeans(rows, 20, np.random.default_rng(0), (1,) * i))
        for i in range(6)
    ]
    assert (np.diff(quality) > -1e-6).all()


@pytest.mark.parametrize('d, count', [(20, 16), (100, 64)])
def test_beginning_with_few_rows_ends_as_well_as_ten_iterations_on_all(d, count):
    rows = np.random.default_rng(0).laplace(size=(8000, d)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    few, all_rows = (
        mean_cosine(rows, spherical_kmeans(rows, count, np.random.default_rng(1), shares))
        for shares in (SHARES, (1,) * 10)
    )
    assert few > 0.99 * all_rows


def test_spherical_kmeans_with_fewer_distinct_rows_than_centroids_keeps_unit_lengths():
    rows = np.repeat(np.eye(3, dtype=np.float32), 50, axis=0)
    centroids = spherical_kmeans(rows, 9, np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.norm(centroids, axis=1), 1, rtol=1e-6)
    assert mean_cosine(rows, centroids) == pytest.approx(1)
