"""Measures of a batch in portions are those of the whole batch, and need less memory."""

import numpy as np
import pytest
from goodinit.initializers import PRESETS, Recipe, measure, portions
from goodinit.initializers.initialize import initialize, release_weights
from goodinit.initializers.squared_gradients import WeightGradient
from goodinit.netlib.layers import inner_product
from goodinit.proto.caffe_pb2 import TEST, TRAIN
from small_nets import NETS, WITH_BATCH_NORM, build, conv, data, fc, layer, relu, samples

WIDE = (
    data('12 3 10 10')
    + conv('c1', 'data', 64)
    + relu('c1')
    + conv('c2', 'c1', 8)
    + fc('f', 'c2', 5)
)


@pytest.fixture
def frugal(monkeypatch):
    """Every net is large."""
    monkeypatch.setattr(portions, 'SMALL', 0)
    monkeypatch.setattr(portions, 'FEW', 1)


def sizes(net, batches):
    return [len(batch['data']) for batch in portions.portions(net, batches)]


def test_small_nets_are_measured_at_once():
    net = build(WIDE)
    assert sizes(net, samples(net, 2)) == [12, 12]


@pytest.mark.usefixtures('frugal')
def test_portions_are_as_equal_as_can_be():
    net = build(WIDE)
    batches = samples(net)
    found = sizes(net, batches)
    assert sum(found) == 12
    assert 1 < len(found) < 12
    assert max(found) - min(found) <= 1
    joined = np.concatenate([each['data'] for each in portions.portions(net, batches)])
    np.testing.assert_array_equal(joined, batches[0]['data'])


@pytest.mark.usefixtures('frugal')
def test_samples_that_meet_stay_together():
    in_training = build(WITH_BATCH_NORM, phase=TRAIN)
    batches = samples(in_training)
    assert sizes(in_training, batches) == [len(batches[0]['data'])]
    stored = build(WITH_BATCH_NORM, phase=TEST)
    assert len(sizes(stored, batches)) > 1
    folded = build(WIDE + layer('Reshape', 'r', 'f', 'r', 'reshape_param { shape { dim: -1 } }'))
    assert sizes(folded, samples(folded)) == [12]


def rows_of(net, batches):
    return measure(net, batches, np.random.default_rng(3))


@pytest.mark.parametrize('name', NETS)
def test_measures_are_those_of_the_whole_batch(name, monkeypatch):
    net = build(name, dtype=np.float64, phase=TEST)
    batches = samples(net, 2)
    whole = rows_of(net, batches)
    monkeypatch.setattr(portions, 'SMALL', 0)
    monkeypatch.setattr(portions, 'FEW', 1)
    for one, other in zip(rows_of(net, batches), whole, strict=True):
        for measured in ('output_mean', 'output_std', 'dead', 'mean_to_std'):
            expected = getattr(other, measured)
            assert getattr(one, measured) == pytest.approx(expected, nan_ok=True, abs=1e-12)


@pytest.mark.usefixtures('frugal')
def test_rates_are_those_of_the_whole_batch(monkeypatch):
    net = build(WIDE, dtype=np.float64)
    batches = samples(net)
    assert len(sizes(net, batches)) > 1
    cut = rows_of(net, batches)
    monkeypatch.setattr(portions, 'FEW', 12)
    for one, other in zip(cut, rows_of(net, batches), strict=True):
        assert one.change_rate == pytest.approx(other.change_rate)
        assert one.change_rate_cv == pytest.approx(other.change_rate_cv)
        assert one.change_rate_error == pytest.approx(other.change_rate_error)


@pytest.mark.usefixtures('frugal')
def test_a_pass_holds_no_more_than_a_portion():
    net = build(WIDE)
    batches = samples(net)
    held = []
    net.before_backward.append(lambda i: held.append(net.blobs['c1'].values.memory.held))
    rows_of(net, batches)
    assert max(held) == 4 * 64 * 64 * max(sizes(net, batches))
    assert not net.blobs['c1'].values.memory.held


@pytest.mark.parametrize('more', ['', 'transpose: true'])
def test_squares_of_large_weights_are_there_for_some_outputs_at_a_time(more, monkeypatch):
    text = data('2 3 10 10') + fc('f1', 'data', 400, more) + relu('f1') + fc('f2', 'f1', 300, more)
    net = build(text, dtype=np.float64)
    whole = rows_of(net, samples(net))
    monkeypatch.setattr(inner_product, 'BLOCK', 9000)
    ours = WeightGradient.add
    sizes = []

    def add(self, layer, squares):
        sizes.append(squares.size)
        assert not any(param.diffs.memory.held for param in net.all_params())
        ours(self, layer, squares)

    monkeypatch.setattr(WeightGradient, 'add', add)
    rows = rows_of(net, samples(net))
    assert sum(sizes) == 400 * 300 + 300 * 400
    assert max(sizes) <= 9000
    for one, other in zip(rows, whole, strict=True):
        assert one.change_rate > 0
        assert one.change_rate == pytest.approx(other.change_rate)
        assert one.change_rate_cv == pytest.approx(other.change_rate_cv)
        assert one.gradient_var == pytest.approx(other.gradient_var)


def test_portions_of_unequal_sizes_are_squared_together():
    net = build(data('5 3 10 10') + fc('f1', 'data', 400) + relu('f1') + fc('f2', 'f1', 300))
    batches = samples(net)
    whole = rows_of(net, batches)
    cut = portions.cut(batches[0], 5, 2)
    assert [len(portion['data']) for portion in cut] == [1, 2, 2]
    for one, other in zip(rows_of(net, cut), whole, strict=True):
        assert one.change_rate == pytest.approx(other.change_rate, rel=1e-5)


def test_squares_that_were_kept_join_those_that_were_not():
    """A weight is smaller than what it reads and writes for 200 samples, but not for 2."""
    net = build(data('202 3 4 4') + fc('f1', 'data', 100) + relu('f1') + fc('f2', 'f1', 300))
    [batch] = samples(net)
    whole = rows_of(net, [batch])
    unequal = [{'data': batch['data'][:2]}, {'data': batch['data'][2:]}]
    for one, other in zip(rows_of(net, unequal), whole, strict=True):
        assert one.change_rate == pytest.approx(other.change_rate, rel=1e-5)


@pytest.mark.parametrize('method', [Recipe('keep'), PRESETS['filler']])
def test_weights_that_stay_are_not_released(method):
    net = build('chain')
    before = [param.data.copy() for param in net.all_params()]
    release_weights(net, method)
    for param, values in zip(net.all_params(), before, strict=True):
        np.testing.assert_array_equal(param.data, values)


def test_weights_that_will_be_drawn_are_released():
    nets = [build('chain'), build('chain')]
    weights = [layer.weight for layer in nets[0].layers if hasattr(layer, 'weight')]
    release_weights(nets[0], PRESETS['lsuv'])
    assert not any(weight.values.memory.held for weight in weights)
    for net in nets:
        initialize(net, samples(net), PRESETS['lsuv'], np.random.default_rng(0))
    for one, other in zip(*(net.all_params() for net in nets), strict=True):
        np.testing.assert_array_equal(one.data, other.data)
