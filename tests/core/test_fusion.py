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
        (TRAIN, CONV + NORM + SCALE + RELU, 'scale'),
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
    'text', [CONV + RELU, SUM + RELU, CONV + NORM + SCALE + RELU, CONV + NORM + NORM + SCALE]
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
        np.testing.assert_array_equal(b.diff, a.diff)
        np.testing.assert_array_equal(b.data, a.data)


@pytest.mark.parametrize(
    'phase, text, at',
    [
        (
            TRAIN,
            CONV + layer('ReLU', 'relu', 'conv', 'conv', 'relu_param { negative_slope: 0.1 }'),
            'conv',
        ),
        (TRAIN, CONV + layer('Power', 'power', 'conv', 'conv') + RELU, 'conv'),
        (TRAIN, CONV + NORM + SCALE, 'conv'),
        (TRAIN, CONV + RELU + DEBUG, 'conv'),
        (TRAIN, LARGEST + RELU, 'largest'),
        (TEST, CONV + NORM + RELU + DEBUG, 'conv'),
        (TEST, CONV + SCALE.replace('{ bias', '{ axis: 2 bias'), 'conv'),
        (TRAIN, conv('a', 'data', 4) + layer('ReLU', 'relu', 'a', 'conv'), 'a'),
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
