"""Moments: of several sets of samples together, and of what does not vary."""

import numpy as np
import pytest
from goodinit.initializers.moments import Moments, pooled


def test_pooled_moments():
    rng = np.random.default_rng(0)
    parts = [rng.standard_normal((n, 3)) * n for n in (4, 9, 1)]
    whole = pooled([Moments(p.mean(axis=0), p.var(axis=0), len(p)) for p in parts])
    x = np.concatenate(parts)
    np.testing.assert_allclose([whole.mean, whole.var], [x.mean(axis=0), x.var(axis=0)])
    assert (whole.count, whole.total_mean) == (14, pytest.approx(x.mean()))
    assert (whole.total_var, whole.mean_square) == (
        pytest.approx(x.var()),
        pytest.approx(np.square(x).mean()),
    )


@pytest.mark.parametrize(
    'mean, var, constant',
    [
        (0, 0, True),
        (3, 0, True),
        (3, 1e-13, True),
        (3, 1e-10, False),
        (0, 1e-29, False),
        (0, 1e-31, True),
        (1e4, 1e-5, True),
    ],
)
def test_constant_outputs(mean, var, constant):
    assert Moments(np.array([mean]), np.array([var]), 9).constant == constant
