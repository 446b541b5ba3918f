"""The running statistics of BatchNorm and BN: filled by an initialization, right in TEST."""

import numpy as np
import pytest
from goodinit.initializers import PRESETS, Recipe, fill, initialize
from goodinit.initializers.statistics import CHANGED, MEASURED, fill_statistics
from goodinit.netlib import Net
from goodinit.netlib.statistics import with_statistics, without_values
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST, TRAIN
from small_nets import conv, data, fc, layer, relu

PLAIN = 'bias_term: false'
SHIFT = 'scale_param { filler { value: 2 } bias_term: true bias_filler { value: 1 } }'


def text(batch_norm='BatchNorm', fields='', shape='8 3 9 9'):
    return (
        data(shape)
        + conv('c1', 'data', 6, more=PLAIN)
        + layer(batch_norm, 'n1', 'c1', 'c1', fields)
        + layer('Scale', 's1', 'c1', 'c1', SHIFT)
        + relu('c1')
        + conv('c2', 'c1', 5, more=PLAIN)
        + layer(batch_norm, 'n2', 'c2', 'm2', fields)
        + relu('m2')
        + fc('f', 'm2', 4)
    )


def built(prototxt, phase=TRAIN):
    net = Net(parse_net(prototxt), phase)
    fill(net, np.random.default_rng(0))
    return net


def batches_of(count, seed=1):
    rng = np.random.default_rng(seed)
    return [{'data': rng.normal(i, 2, (8, 3, 9, 9)).astype('f4')} for i in range(count)]


def initialized(net, batches, recipe=PRESETS['lsuv']):
    return initialize(net, batches, recipe, np.random.default_rng(0))


def in_test(net, prototxt, batch, blob='f'):
    """A blob of the net of another prototxt, in TEST, with the weights of this one."""
    again = Net(parse_net(prototxt), TEST)
    again.copy_from(net.to_proto())
    again.blobs['data'].data = batch['data']
    again.forward()
    return again.blobs[blob].data.copy()


def in_train(net, batch, blob='f'):
    state = [param.data.copy() for param in net.all_params()]
    net.blobs['data'].data = batch['data']
    net.forward()
    for param, values in zip(net.all_params(), state, strict=True):
        param.data = values
    return net.blobs[blob].data.copy()


FRESH = [('BatchNorm', ''), ('BN', 'bn_param { slope_filler { value: 1 } bias_filler { } }')]


@pytest.mark.parametrize('type, fields', FRESH)
@pytest.mark.parametrize('preset', ['lsuv', 'kmeans', 'msra'])
def test_a_fresh_net_gives_in_test_what_it_gives_in_train(type, fields, preset):
    net, (batch,) = built(text(type, fields)), batches_of(1)
    notes = initialized(net, [batch], PRESETS[preset])
    assert f"layer 'n1': {MEASURED}" in notes and f"layer 'n2': {MEASURED}" in notes
    trained = in_train(net, batch)
    found = in_test(net, text(type, fields), batch)
    assert abs(found - trained).max() < 0.01 * abs(trained).max()


def test_statistics_are_caffes_own():
    """One batch: what Caffe stores in TRAIN, divided by its factor."""
    net, (batch,) = built(text()), batches_of(1)
    initialized(net, [batch])
    again = Net(parse_net(text()), TRAIN)
    again.copy_from(net.to_proto())
    for each in with_statistics(again.layers):
        each.forget()
    again.blobs['data'].data = batch['data']
    again.forward()
    for name in ('n1', 'n2'):
        mean, var, factor = (param.data for param in again.params[name])
        assert net.params[name][2].data == 1
        np.testing.assert_allclose(net.params[name][0].data, mean / factor, atol=1e-5)
        np.testing.assert_allclose(net.params[name][1].data, var / factor, rtol=1e-4)


@pytest.mark.parametrize('phase', [TRAIN, TEST])
@pytest.mark.parametrize('preset', ['lsuv', 'kmeans'])
def test_all_batches_together_are_normalized_in_test(phase, preset):
    """Whether the net runs on its statistics from the beginning or not."""
    net, batches = built(text(), phase), batches_of(3)
    initialized(net, batches, PRESETS[preset])
    plain = text().replace(relu('m2'), '')
    z = np.concatenate([in_test(net, plain, batch, 'm2') for batch in batches])
    exact = phase == TEST or preset == 'kmeans'
    np.testing.assert_allclose(z.mean((0, 2, 3)), 0, atol=1e-3 if exact else 0.5)
    np.testing.assert_allclose(z.var((0, 2, 3)), 1, rtol=0.01 if exact else 0.6)


def test_the_measured_statistics_normalize_all_batches_exactly():
    net, batches = built(text()), batches_of(3)
    layers = with_statistics(net.layers)
    found = fill_statistics(net, batches, layers)
    assert set(found) == {'n1', 'n2'}
    plain = text().replace(relu('m2'), '')
    z = np.concatenate([in_test(net, plain, batch, 'm2') for batch in batches])
    np.testing.assert_allclose(z.mean((0, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(z.var((0, 2, 3)), 1, rtol=2e-3)


def test_trained_statistics_stay_where_weights_stay():
    net, batches = built(text()), batches_of(2)
    fill_statistics(net, batches_of(4, seed=7), with_statistics(net.layers))
    before = [param.data.copy() for param in net.params['n1'] + net.params['n2']]
    notes = initialized(net, batches, Recipe('keep', 'lsuv', layers='f'))
    after = [param.data for param in net.params['n1'] + net.params['n2']]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(new, old)
    assert not any(CHANGED in note or MEASURED in note for note in notes)


@pytest.mark.parametrize('phase', [TRAIN, TEST])
def test_trained_statistics_follow_the_weights_below(phase):
    net, batches = built(text(), phase), batches_of(2)
    fill_statistics(net, batches, with_statistics(net.layers))
    before = net.params['n1'][0].data.copy()
    notes = initialized(net, batches, Recipe('keep', 'lsuv', layers='c2', target=9.0))
    assert [note for note in notes if CHANGED in note] == [f"layer 'n2': {CHANGED}"]
    np.testing.assert_array_equal(net.params['n1'][0].data, before)
    var = net.params['n2'][1].data / net.params['n2'][2].data
    assert 6 < var.mean() + net.params['n2'][0].data.var() < 12


def test_scales_may_still_move_below_a_fresh_batch_norm():
    """Statistics come after them, or they would hold the scales."""
    net, batches = built(text()), batches_of(1)
    initialized(net, batches, PRESETS['kmeans'])
    assert not without_values(net.layers)
    trained = in_train(net, batches[0])
    found = in_test(net, text(), batches[0])
    assert abs(found - trained).max() < 0.01 * abs(trained).max()


# -- SegNet's BN has no place for statistics


@pytest.mark.parametrize('count', [1, 3])
def test_segnets_scale_and_shift_take_them_in(count):
    learning = 'bn_param { bn_mode: LEARN scale_filler { value: 3 } shift_filler { value: -1 } }'
    net, batches = built(text('BN', learning)), batches_of(count)
    trained = in_train(net, batches[0])
    layers = [layer for layer in net.layers if layer.type == 'BN']
    fill_statistics(net, batches, layers)
    found = in_test(net, text('BN', learning.replace('LEARN', 'INFERENCE')), batches[0])
    if count == 1:
        np.testing.assert_allclose(found, trained, atol=1e-3)
    assert all(layer.from_batch for layer in layers)
    assert np.isfinite(found).all()


def test_an_initialization_leaves_segnets_scale_and_shift():
    net = built(text('BN', 'bn_param { bn_mode: LEARN scale_filler { value: 3 } }'))
    initialized(net, batches_of(1))
    assert (net.params['n1'][0].data == 3).all()


# -- a net that runs on statistics which nobody has measured


def test_a_net_without_statistics_says_so_once():
    net = built(text(), TEST)
    with pytest.warns(UserWarning) as found:
        net.forward()
        net.forward()
    assert [str(each.message) for each in found] == [
        'BatchNorm layers n1, n2 have no statistics yet (scale factor 0): their outputs mean '
        'nothing; `goodinit bn_statistics NET WEIGHTS` measures them'
    ]


def test_so_does_bn():
    net = built(text('BN', 'bn_param { eps: 0.1 }'), TEST)
    with pytest.warns(UserWarning, match=r'BN layers n1, n2 have no statistics yet \(variance 0\)'):
        net.forward()


def test_a_net_that_uses_the_batchs_says_nothing():
    built(text(), TRAIN).forward()
    net = built(text(), TEST)
    fill_statistics(net, batches_of(1), with_statistics(net.layers))
    net.forward()
