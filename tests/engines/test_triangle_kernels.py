"""Products of which half is known, for each instruction set, against NumPy."""

import numpy as np
import pytest
from goodinit.netlib.engines.fast import load, native
from openmp import threads

ISAS = native.instruction_sets() if native.LIBRARY.exists() else []
pytestmark = pytest.mark.skipif(not ISAS, reason='goodinit was installed without a C++ compiler')
# Rows and numbers in a row: few, many, more than a portion, more than a block, more than a band.
SHAPES = [(1, 1), (7, 3), (50, 33), (5000, 40), (9000, 97), (700, 300), (600, 1001)]


@pytest.fixture(params=ISAS)
def kernels(request, monkeypatch):
    monkeypatch.setenv('GOODINIT_ISA', request.param)
    return load()


def rows_of(n, d, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d), np.float32)


def scatter_matrix(kernels, x):
    n, d = x.shape
    out = np.full((d, d), np.nan)
    kernels.scatter_matrix(x, out, n, d)
    return out


def projected(kernels, x, lower):
    out = x.copy()
    kernels.project_rows(out, np.ascontiguousarray(lower.T), *x.shape)
    return out


@pytest.mark.parametrize('n, d', SHAPES)
def test_the_scatter_matrix(n, d, kernels):
    x = rows_of(n, d)
    found = scatter_matrix(kernels, x)
    np.testing.assert_array_equal(found, found.T)
    exact = x.T.astype(float) @ x
    np.testing.assert_allclose(found, exact, atol=1e-5 * abs(exact).max())


@pytest.mark.parametrize('n, d', SHAPES)
def test_rows_times_a_triangular_matrix(n, d, kernels):
    x, lower = rows_of(n, d), np.tril(rows_of(d, d, 1))
    exact = x.astype(float) @ lower.T
    found = projected(kernels, x, lower)
    np.testing.assert_allclose(found, exact, atol=2e-5 * abs(exact).max())


def test_no_rows(kernels):
    assert not scatter_matrix(kernels, rows_of(0, 5)).any()
    assert projected(kernels, rows_of(0, 5), np.eye(5, dtype=np.float32)).size == 0


@pytest.mark.parametrize('n, d', [(9000, 97), (5000, 600)])
def test_the_number_of_threads_does_not_matter(n, d, kernels):
    x, lower = rows_of(n, d), np.tril(rows_of(d, d, 1))
    several = []
    for count in (1, 2, 3):
        with threads(count):
            several.append((scatter_matrix(kernels, x), projected(kernels, x, lower)))
    for other in several[1:]:
        for one, same in zip(several[0], other, strict=True):
            np.testing.assert_array_equal(one, same)
