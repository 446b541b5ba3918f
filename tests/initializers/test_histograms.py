"""Histograms and saturated outputs of a net that is measured."""

import numpy as np
import pytest
from goodinit.initializers import fill, measure
from goodinit.initializers.histograms import BINS, LIMIT, REACH, Histogram, filled
from goodinit.netlib import Net
from goodinit.netlib.layers.shared.affine import Affine
from goodinit.proto import parse_net
from small_nets import conv, data, fc, layer, put, relu, samples


def rows(net, batches, **options):
    return {row.layer: row for row in measure(net, batches, np.random.default_rng(0), **options)}


def outputs_of(net, batches, name):
    """The outputs of a layer, taken before what works in place on them."""
    found = []
    for batch in batches:
        put(net, batch)
        net.run(end=name)
        found.append(net.tops[net.index(name)][0].data.copy())
    return np.concatenate(found)


def test_counts_are_those_of_numpy():
    values = np.random.default_rng(0).normal(3, 2, 5000)
    found = filled(values)
    counts, _ = np.histogram(values, BINS, (found.low, found.high))
    assert np.abs(found.counts - counts).sum() <= 2  # at an edge, rounding may choose
    assert found.below == (values < found.low).sum()
    assert found.above == (values >= found.high).sum()
    assert (found.high - found.low) / 2 == pytest.approx(REACH * values.std())


def test_values_that_are_equal_or_not_finite():
    assert filled(np.full(7, 2.0)).counts.sum() == 7
    assert filled(np.zeros(5)).counts.sum() == 5
    found = Histogram.around(0, 1)
    found.add(np.array([np.nan, np.inf, -np.inf, 0]))
    assert (found.below, found.counts.sum(), found.above) == (1, 1, 2)


def test_of_many_values_some_are_counted():
    values = np.random.default_rng(0).normal(size=(3, LIMIT))
    found = filled(values)
    total = found.counts.sum() + found.below + found.above
    assert LIMIT / 2 < total <= LIMIT + 1
    whole, _ = np.histogram(values, BINS, (found.low, found.high))
    np.testing.assert_allclose(found.counts / total, whole / values.size, atol=0.005)


NET = data() + conv('conv', 'data', 4) + relu('conv') + fc('ip', 'conv', 5)


def build_net(text):
    net = Net(parse_net(text))
    fill(net, np.random.default_rng(0))
    return net


def test_outputs_of_all_batches_are_counted():
    net = build_net(NET)
    batches = samples(net, 3)
    found = rows(net, batches, histograms=True)
    for name in ('conv', 'ip'):
        values = outputs_of(net, batches, name)
        counted = found[name].histograms['outputs']
        assert counted.counts.sum() + counted.below + counted.above == values.size
        expected, _ = np.histogram(values, BINS, (counted.low, counted.high))
        assert np.abs(counted.counts - expected).sum() <= 4


def test_weights_and_their_rates_are_counted():
    net = build_net(NET)
    found = rows(net, samples(net, 2), histograms=True)
    for each in net.layers:
        if isinstance(each, Affine):
            counted = found[each.name].histograms
            weights = counted['weights']
            assert weights.below + weights.counts.sum() + weights.above == each.weight.count
            assert counted['rates'].counts.sum() <= each.weight.count
            middle = (counted['rates'].low + counted['rates'].high) / 2
            assert 10**middle == pytest.approx(found[each.name].change_rate, rel=0.7)


def test_nothing_is_counted_unless_it_is_asked_for():
    net = build_net(NET)
    batches = samples(net, 2)
    plain, counted = rows(net, batches), rows(net, batches, histograms=True)
    assert not plain['conv'].histograms
    assert plain['conv'].change_rate == counted['conv'].change_rate


@pytest.mark.parametrize(('kind', 'low', 'high'), [('Sigmoid', 0, 1), ('TanH', -1, 1)])
def test_outputs_near_the_ends_of_their_function_are_saturated(kind, low, high):
    net = build_net(
        data() + fc('ip', 'data', 50) + layer(kind, 'act', 'ip', 'ip') + fc('out', 'ip', 3)
    )
    net.params['ip'][0].data = net.params['ip'][0].data * 2
    batches = samples(net, 2)
    found = rows(net, batches)
    z = outputs_of(net, batches, 'ip')
    y = 1 / (1 + np.exp(-z)) if kind == 'Sigmoid' else np.tanh(z)
    edge = 0.05 * (high - low)
    expected = ((y < low + edge) | (y > high - edge)).mean()
    assert found['ip'].saturated == pytest.approx(expected, abs=1e-6) and expected > 0.1
    assert np.isnan(found['out'].saturated)
