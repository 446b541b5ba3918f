"""The kernel of spherical k-means, for each instruction set, against NumPy."""

import numpy as np
import pytest
from goodinit.initializers.from_samples.centroids import sums_by_nearest
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.fast import load, native
from goodinit.netlib.engines.fast.clustering import Clustering, clustering
from openmp import threads

ISAS = native.instruction_sets() if native.LIBRARY.exists() else []
pytestmark = pytest.mark.skipif(not ISAS, reason='goodinit was installed without a C++ compiler')
# Rows, numbers in a row, centers: bounds are kept where there are few centers.
SHAPES = [(700, 40, 3), (1500, 97, 33), (300, 20, 50), (5, 1, 1), (2000, 600, 20)]


def clustered(n, d, rng):
    """Rows of unit length around five directions, some of them zero."""
    rows = rng.standard_normal((5, d))[rng.integers(5, size=n)] + rng.standard_normal((n, d))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[::17] = 0
    return rows.astype(np.float32)


def iterations(rows, count, ranges, add_up):
    """The sums of each iteration, on these rows."""
    centers = rows[1 : count + 1]
    found = []
    for chosen in ranges:
        sums = add_up(centers, chosen)
        found.append(sums)
        lengths = np.linalg.norm(sums, axis=1)
        centers = sums / np.where(lengths > 0, lengths, 1)[:, None]
    return found


def ranges_of(n):
    """Some rows, then all of them until little changes, with some in between."""
    return [range(2, n, 3), *[range(n)] * 4, range(1, n, 2), *[range(n)] * 4]


@pytest.fixture(params=ISAS)
def kernels(request, monkeypatch):
    monkeypatch.setenv('GOODINIT_ISA', request.param)
    return load()


@pytest.mark.parametrize('n, d, count', SHAPES)
def test_sums_are_those_of_all_products(n, d, count, kernels):
    rows = clustered(n, d, np.random.default_rng(0))
    count = min(count, n - 1)
    ranges = ranges_of(n)
    ours = iterations(rows, count, ranges, Clustering(kernels, rows).add_up)
    expected = iterations(
        rows,
        count,
        ranges,
        lambda centers, chosen: sums_by_nearest(rows[chosen.start :: chosen.step], centers),
    )
    for found, wanted in zip(ours, expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_sums_do_not_depend_on_the_number_of_threads(kernels):
    rows = clustered(3000, 90, np.random.default_rng(0))
    several = []
    for count in (1, 3):
        with threads(count):
            several.append(
                iterations(rows, 20, ranges_of(len(rows)), Clustering(kernels, rows).add_up)
            )
    np.testing.assert_array_equal(*several)


def test_what_kernels_do_not_take():
    rows = np.eye(4, dtype=np.float32)
    assert clustering(rows)
    assert clustering(rows.astype(float)) is None
    assert clustering(rows[:, ::2]) is None
    assert clustering(rows[:0]) is None
    assert clustering(rows, make_engine('fast')) and not clustering(rows, make_engine('reference'))
