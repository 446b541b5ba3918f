"""The nearest rates within bounds, against a general optimizer."""

import numpy as np
import pytest
from goodinit.initializers.whole_net.nearest_rates import Bounds, bounded_least_squares
from scipy.optimize import minimize


@pytest.mark.parametrize('seed', range(12))
def test_bounded_least_squares(seed):
    rng = np.random.default_rng(seed)
    free, rates, bounded = 4, 7, 5
    a, b = rng.standard_normal((rates, free)), rng.standard_normal(rates)
    rows = rng.standard_normal((bounded, free))
    lower, upper = -rng.uniform(0, 0.3, bounded), rng.uniform(0, 0.3, bounded)
    lower[0], upper[1] = -np.inf, np.inf
    x = bounded_least_squares(a, b, Bounds(rows, lower, upper))
    assert np.all(rows @ x >= lower - 1e-6) and np.all(rows @ x <= upper + 1e-6)
    kept = [
        {'type': 'ineq', 'fun': lambda z: (rows @ z - lower)[np.isfinite(lower)]},
        {'type': 'ineq', 'fun': lambda z: (upper - rows @ z)[np.isfinite(upper)]},
    ]
    best = minimize(lambda z: np.square(a @ z - b).sum(), np.zeros(free), constraints=kept)
    assert np.square(a @ x - b).sum() == pytest.approx(best.fun, rel=1e-4, abs=1e-6)


def test_without_a_bound_in_the_way_it_is_least_squares():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((5, 3)), rng.standard_normal(5)
    wide = Bounds(np.eye(3), np.full(3, -10.0), np.full(3, 10.0))
    expected, *_ = np.linalg.lstsq(a, b)
    np.testing.assert_allclose(bounded_least_squares(a, b, wide), expected, rtol=1e-12)


def test_bounds_of_zero_allow_no_step_at_all():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((5, 3)), rng.standard_normal(5)
    none = Bounds(np.eye(3), np.zeros(3), np.zeros(3))
    np.testing.assert_allclose(bounded_least_squares(a, b, none), 0, atol=1e-9)
