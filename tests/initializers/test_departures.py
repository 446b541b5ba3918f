"""How far LRN and normalizing layers depart from their declared scaling."""

from itertools import pairwise

import numpy as np
import pytest
from goodinit.initializers.whole_net.departures import (
    DISTANCES,
    Departure,
    departures_of,
    distance,
    log_factor,
)
from small_nets import WITH_BATCH_NORM, WITH_LRN, build, samples


def departure(text, layer):
    net = build(text, dtype=np.float64)
    (batch,) = samples(net)
    index = net.index(layer)
    return net, index, departures_of(net, batch, [index])[index]


def test_lrn_departs_as_its_constant_says():
    """y = x (1 + c^2 t)^-0.75: after the factor that all elements share, what is left is how t
    varies."""
    net, index, found = departure(WITH_LRN, 'n1')
    x = found.x.astype(float)
    padded = np.pad(np.square(x), ((0, 0), (2, 2), (0, 0), (0, 0)))
    t = 0.01 / 5 * sum(padded[:, i : i + x.shape[1]] for i in range(5))
    exactly = x * (1 + t) ** -0.75
    for s, measured in zip(DISTANCES, found.up, strict=True):
        y = x * (1 + np.exp(2 * s) * t) ** -0.75
        g = (y * exactly).sum() / np.square(exactly).sum()
        expected = np.linalg.norm(y / g - exactly) / np.linalg.norm(exactly)
        assert measured == pytest.approx(expected, rel=1e-6)
        assert log_factor(net, index, found.x, s) == pytest.approx(np.log(g), rel=1e-6)


def test_batch_norm_departs_only_where_eps_matters():
    _, _, found = departure(WITH_BATCH_NORM, 'bn1')
    assert found.up.max() < 1e-4
    lower, upper = found.interval(1e-3)
    assert upper == np.inf
    assert -12 < lower < -1


def test_the_interval_grows_with_what_is_allowed():
    _, _, found = departure(WITH_LRN, 'n1')
    ends = [found.interval(allowed) for allowed in (0, 1e-5, 1e-4, 1e-3, 1e-2, 1)]
    assert ends[0] == (0, 0)
    assert all(a[1] < b[1] for a, b in pairwise(ends) if b[1] < np.inf)


def test_between_two_distances():
    departures = np.square(DISTANCES)
    for s in (0.01, 0.07, 0.3, 5.0):
        expected = s if s > DISTANCES[0] else s**2 / DISTANCES[0]
        assert distance(departures, s**2) == pytest.approx(expected, rel=1e-6)
    assert distance(0 * departures, 1e-3) == np.inf
    nothing = Departure(0 * departures, departures, np.zeros(1))
    assert nothing.interval(1e-4) == (-np.inf, pytest.approx(0.0020, abs=1e-4))
