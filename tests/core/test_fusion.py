"""Layers that compute what those in place on their tops would: where that is done, and that nothing
else changes."""

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST, TRAIN
from small_nets import conv, data, layer, relu

CONV, RELU = conv('conv', 'data', 4), relu('conv')
NORM = layer('BatchNorm', 'norm', 'conv', 'conv')
SCALE = layer('Scale', 'scale', 'conv', 'conv', 'scale_param { bias_term: true }')
OWN_TOP = layer('ReLU', 'relu', 'a', 'conv')
PRODUCT = layer('InnerProduct', 'a', 'data', fields='inner_product_param { num_output: 5 }')
AWAY = conv('a', 'data', 4) + layer('BatchNorm', 'norm', 'a', 'conv')
DROP = layer('Dropout', 'drop', 'conv', 'conv')
BRANCHES = conv('a', 'data', 4) + conv('b', 'data', 4)
SUM = BRANCHES + layer('Eltwise', 'sum', 'a b', 'conv')
LARGEST = BRANCHES + layer('Eltwise', 'largest', 'a b', 'conv', 'eltwise_param { operation: MAX }')
LOSS = layer(
    'Reduction', 'loss', 'conv', fields='reduction_param { operation: SUMSQ } loss_weight: 1'
)
DEBUG = 'debug_info: true\n'


def nets(text, phase, engine='fast'):
    """The net, and the same one planned for training or, in TEST, for passes; both with the same
    numbers in them."""
    made = [
        Net(parse_net(data('2 3 6 6') + text + LOSS), phase, seed=0, engine=engine)
        for _ in range(2)
    ]
    rng = np.random.default_rng(0)
    for param, same in zip(*(net.all_params() for net in made), strict=True):
        positive = param.name.startswith('norm')  # a variance
        param.data = same.data = rng.uniform(0.5 if positive else -2, 2, param.shape)
    x = rng.standard_normal((2, 3, 6, 6))
    for net in made:
        net.blobs['data'].data = x
    if phase == TRAIN:
        made[1].share_diffs()
    else:
        made[1].share_memory(keep=['conv'])
    return made


def values(net):
    return net.blobs['conv'].data.copy()


@pytest.mark.parametrize(
    'phase, text, at',
    [
        (TRAIN, CONV + RELU, 'conv'),
        (TEST, CONV + RELU, 'conv'),
        (TRAIN, SUM + RELU, 'sum'),
        (TRAIN, CONV + SCALE + RELU, 'scale'),
        (TRAIN, CONV + NORM + SCALE + RELU, 'norm'),
        (TRAIN, CONV + NORM + SCALE, 'norm'),
        (TRAIN, AWAY + SCALE + RELU, 'norm'),
        (TRAIN, conv('a', 'data', 4) + OWN_TOP, 'a'),
        (TRAIN, PRODUCT + OWN_TOP, 'a'),
        (TEST, CONV + SCALE, 'conv'),
        (TEST, CONV + NORM, 'conv'),
        (TEST, CONV + NORM + SCALE + RELU, 'conv'),
        (TEST, conv('conv', 'data', 4, more='bias_term: false') + SCALE + NORM + RELU, 'conv'),
    ],
)
def test_one_pass_computes_all(phase, text, at, engine):
    plain, fused = nets(text, phase, engine)
    fused.forward(end=at)
    early = values(fused)
    assert plain.forward() == pytest.approx(float(np.square(early).sum()), rel=1e-4)
    np.testing.assert_allclose(early, values(plain), rtol=0, atol=1e-5 * abs(early).max())


@pytest.mark.parametrize(
    'text',
    [
        CONV + RELU,
        SUM + RELU,
        SUM.replace('"sum"', '"sum" eltwise_param { coeff: 2 coeff: -1 }') + RELU,
        CONV + NORM + SCALE + RELU,
        CONV + NORM + NORM + SCALE,
        CONV + NORM + SCALE + RELU + DROP,
        CONV + NORM + SCALE.replace('bias_term: true', '') + RELU,
        CONV + NORM + SCALE.replace('scale_param', 'param { lr_mult: 0 } scale_param') + RELU,
        AWAY + SCALE + RELU,
        NORM.replace('bottom: "conv"', 'bottom: "data"') + SCALE + RELU,
        conv('a', 'data', 4) + OWN_TOP,
        conv('a', 'data', 4) + OWN_TOP + DROP,
        conv('a', 'data', 4) + OWN_TOP + layer('Power', 'power', 'conv', 'conv'),
        PRODUCT + OWN_TOP,
        PRODUCT + layer('ReLU', 'relu', 'a', 'a') + layer('Dropout', 'drop', 'a', 'conv'),
    ],
)
def test_training_is_the_same(text, engine):
    plain, fused = made = nets(text, TRAIN, engine)
    for _ in range(2):
        assert fused.forward() == pytest.approx(plain.forward(), rel=1e-6)
        np.testing.assert_array_equal(values(fused), values(plain))
    for net in made:
        net.clear_param_diffs()
        net.backward()
    for a, b in zip(*(net.all_params() for net in made), strict=True):
        # Kernels that do more at once round elsewhere.
        rounds = engine.on_device or ('fast' in engine.name and 'BatchNorm' in text)
        bound = 1e-5 * np.abs(a.diff).max(initial=1) if rounds else 0
        np.testing.assert_allclose(b.diff, a.diff, rtol=0, atol=bound)
        np.testing.assert_array_equal(b.data, a.data)


@pytest.mark.parametrize(
    'text, phase',
    [
        (conv('a', 'data', 4) + OWN_TOP, TRAIN),
        (conv('a', 'data', 4) + OWN_TOP, TEST),
        (AWAY + SCALE + RELU, TRAIN),
    ],
)
def test_blobs_that_grow_stay_together(text, phase, engine):
    """A blob that outgrows its memory gets another; that of a layer done below follows."""
    for height in (6, 9, 5):
        plain, planned = made = nets(text, phase, engine)
        x = np.random.default_rng(1).standard_normal((2, 3, height, 6))
        for net in made:
            net.forward()
            net.blobs['data'].reshape(*x.shape)
            net.blobs['data'].data = x
        assert planned.forward() == pytest.approx(plain.forward(), rel=1e-5)
        if phase == TRAIN:
            for net in made:
                net.clear_param_diffs()
                net.backward()
            for a, b in zip(*(net.all_params() for net in made), strict=True):
                bound = 1e-5 * np.abs(a.diff).max(initial=1)
                np.testing.assert_allclose(b.diff, a.diff, rtol=0, atol=bound)


def test_statistics_may_be_stored_ones_for_a_while(engine):
    """As initializers have it: the layer above is applied all the same, forward and backward."""
    plain, fused = made = nets(CONV + NORM + SCALE + RELU, TRAIN, engine)
    for net in made:
        net.layers[net.index('norm')].from_batch = False
        net.forward()
        net.clear_param_diffs()
        net.backward()
    np.testing.assert_array_equal(values(fused), values(plain))
    for a, b in zip(*(net.all_params() for net in made), strict=True):
        bound = 1e-5 * np.abs(a.diff).max(initial=1)
        np.testing.assert_allclose(b.diff, a.diff, rtol=0, atol=bound)


def test_what_a_layer_computes_the_gradients_of():
    """Those layers do not run backward: the lowest one does their work."""
    for text, expected in (
        (CONV + RELU, {'relu_conv': 'conv'}),
        (CONV + NORM + SCALE + RELU, {'scale': 'norm', 'relu_conv': 'norm'}),
        (CONV + SCALE + RELU, {}),
        (SUM + RELU, {'relu_conv': 'sum'}),
    ):
        _, planned = nets(text, TRAIN)
        found = planned.plan.backed_by.items()
        names = {planned.layers[i].name: planned.layers[k].name for i, k in found}
        assert names == expected


@pytest.mark.parametrize(
    'phase, text, at',
    [
        (
            TRAIN,
            CONV + layer('ReLU', 'relu', 'conv', 'conv', 'relu_param { negative_slope: 0.1 }'),
            'conv',
        ),
        (TRAIN, CONV + layer('Power', 'power', 'conv', 'conv') + RELU, 'conv'),
        (TRAIN, CONV + NORM, 'conv'),
        (TRAIN, CONV + RELU + DEBUG, 'conv'),
        (TRAIN, LARGEST + RELU, 'largest'),
        (TEST, CONV + NORM + RELU + DEBUG, 'conv'),
        (TEST, CONV + SCALE.replace('{ bias', '{ axis: 2 bias'), 'conv'),
        (TRAIN, conv('a', 'data', 4) + OWN_TOP + layer('Power', 'power', 'conv', 'conv'), 'a'),
    ],
)
def test_what_stays_apart(phase, text, at):
    plain, planned = nets(text, phase)
    for net in (plain, planned):
        net.forward(end=at)
    assert not planned.plan.done_below
    blob = planned.tops[planned.index(at)][0].name
    np.testing.assert_array_equal(planned.blobs[blob].data, plain.blobs[blob].data)
    assert planned.forward() == pytest.approx(plain.forward(), rel=1e-6)


def test_nothing_is_taken_up_after_a_relu():
    _, planned = nets(CONV + RELU + NORM + SCALE + relu('conv').replace('relu_conv', 'last'), TEST)
    assert [planned.layers[i].name for i in sorted(planned.plan.done_below)] == [
        'relu_conv',
        'last',
    ]
