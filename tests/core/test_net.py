"""Net: wiring, shared parameters, losses, running all of it or parts."""

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.netlib.errors import LayerError, NetError
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST, TRAIN

INPUT = 'layer { name: "data" type: "Input" top: "x" input_param { shape { dim: 2 dim: 4 } } }\n'


def ip(name, bottom, top, n=4, extra=''):
    return (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{top}" {extra} '
        f'inner_product_param {{ num_output: {n} }} }}\n'
    )


def loss(a, b, extra=''):
    bottoms = f'bottom: "{a}" bottom: "{b}"'
    return f'layer {{ name: "loss" type: "EuclideanLoss" {bottoms} top: "loss" {extra} }}\n'


RELU = 'layer { name: "relu" type: "ReLU" bottom: "h" top: "h" }\n'
CHAIN = INPUT + ip('ip1', 'x', 'h') + RELU + ip('ip2', 'h', 'y', 3)


def make(text, seed=1, **options):
    """A net of the checked engine, with random inputs and parameters."""
    net = Net(
        parse_net(text, 'net.prototxt'),
        **{'phase': TEST, 'engine': 'checked:reference', 'seed': 0} | options,
    )
    rng = np.random.default_rng(seed)
    for blob in [*(net.blobs[name] for name in net.inputs), *net.all_params()]:
        blob.data = rng.standard_normal(blob.shape)
    return net


def values(net):
    return {name: blob.data.copy() for name, blob in net.blobs.items()}


# -- shared parameters

SHARED = 'param { name: "w" %s } param { name: "b" }'


def shared(first='', second='', n=4):
    return INPUT + ip('a', 'x', 'y', 4, SHARED % first) + ip('b', 'y', 'z', n, SHARED % second)


def test_sharers_have_one_memory_and_one_gradient():
    net = make('force_backward: true\n' + shared())
    a, b = (net.params[name][0] for name in 'ab')
    assert b.owner is a and a.owner is a
    a.data = np.eye(4)
    assert np.array_equal(b.data, np.eye(4))
    net.params['a'][1].data = 0
    net.forward()
    net.blobs['z'].diff = 1
    net.backward()
    # W is used twice, with inputs x and y = x: its gradient is the sum of both uses.
    x = net.blobs['x'].data
    np.testing.assert_allclose(a.diff, 2 * np.ones((4, 2)) @ x, rtol=1e-6)
    assert np.array_equal(a.diff, b.diff)
    net.clear_param_diffs()
    assert not a.diff.any()


@pytest.mark.parametrize(
    'first, second, n, message',
    [
        (
            '',
            '',
            3,
            r"layer 'b' \(InnerProduct\), net.prototxt:3: Cannot share param 'w' "
            r"owned by a\[0\] with layer 'b'; shape mismatch. "
            r'Owner layer param shape is 4 4 \(16\); sharing layer expects shape 3 4 \(12\)',
        ),
        (
            '',
            'share_mode: PERMISSIVE',
            3,
            r'count mismatch. Owner .* is 4 4 \(16\); sharing layer shape is 3 4 \(12\)',
        ),
        (
            'lr_mult: 1',
            'lr_mult: 2',
            4,
            "Shared param 'w' has mismatched lr_mult: 2, its owner says 1",
        ),
        (
            'decay_mult: 1',
            'decay_mult: 0',
            4,
            "Shared param 'w' has mismatched decay_mult: 0, its owner says 1",
        ),
    ],
)
def test_sharing_refused(first, second, n, message):
    with pytest.raises(LayerError, match=message):
        make(shared(first, second, n))


def test_permissive_sharing_asks_for_the_count_only():
    shape = 'shape { dim: 1 dim: 1 dim: 3 dim: 3 }'
    image = f'layer {{ name: "i" type: "Input" top: "image" input_param {{ {shape} }} }}'
    net = make(
        INPUT
        + image
        + ip('a', 'x', 'y', 3, 'param { name: "w" }')
        + """
        layer { name: "b" type: "Convolution" bottom: "image" top: "z"
          param { name: "w" share_mode: PERMISSIVE }
                convolution_param { num_output: 3 kernel_size: 2 bias_term: false } }"""
    )
    net.params['a'][0].data = np.arange(12).reshape(3, 4)
    assert net.params['b'][0].data.tolist() == np.arange(12).reshape(3, 1, 2, 2).tolist()


def test_rates_that_one_sharer_gives_hold_for_the_owner():
    net = make(shared('', 'lr_mult: 3 decay_mult: 0'))
    assert (net.params['a'][0].lr_mult, net.params['a'][0].decay_mult) == (3, 0)


def test_lr_mult_zero_means_no_gradient():
    target = 'layer { name: "t" type: "Input" top: "t" input_param { shape { dim: 2 dim: 4 } } }\n'
    net = make(
        target
        + INPUT
        + ip('a', 'x', 'y', 4, 'param { lr_mult: 0 } param { lr_mult: 1 }')
        + loss('y', 't')
    )
    net.forward()
    net.backward()
    assert not net.params['a'][0].diff.any() and net.params['a'][1].diff.any()


# -- in place and losses


def test_in_place_blobs_are_one():
    net = make(CHAIN)
    net.forward()
    assert (net.blobs['h'].data >= 0).all() and net.tops[1][0] is net.tops[2][0] is net.blobs['h']


def test_the_loss_is_the_weighted_sum():
    label = 'layer { name: "l" type: "Input" top: "t" input_param { shape { dim: 2 dim: 4 } } }\n'
    net = make(
        INPUT
        + label
        + 'layer { name: "s" type: "Power" bottom: "x" top: "s" loss_weight: 0.5 }\n'
        + loss('x', 't', 'loss_weight: 3')
    )
    total = (
        0.5 * net.blobs['x'].data.sum()
        + 3 * ((net.blobs['x'].data - net.blobs['t'].data) ** 2).sum() / 4
    )
    assert net.forward() == pytest.approx(total, rel=1e-5)
    assert net.blobs['loss'].diff == 3 and (net.blobs['s'].diff == 0.5).all()


def test_a_loss_without_a_top_still_counts():
    text = (
        INPUT
        + 'layer { name: "t" type: "Input" top: "t" input_param { shape { dim: 2 dim: 4 } } }\n'
    )
    net = make(text + 'layer { name: "loss" type: "EuclideanLoss" bottom: "x" bottom: "t" }')
    assert net.forward() > 0 and net.outputs == ['loss']


def test_loss_weights_follow_a_new_shape():
    power = 'layer { name: "s" type: "Power" bottom: "x" top: "s" loss_weight: 0.5 }'
    net = make('force_backward: true\n' + INPUT + power)
    net.forward()
    net.blobs['x'].reshape(3, 5)
    net.blobs['x'].data = 1
    assert net.forward() == 7.5
    net.backward()
    assert (net.blobs['x'].diff == 0.5).all()


# -- running


def test_parts_of_a_net():
    net = make(CHAIN)
    net.forward()
    whole = values(net)
    for blob in ('h', 'y'):
        net.blobs[blob].data = 0
    net.forward(end='relu')
    assert not net.blobs['y'].data.any()
    net.forward(start='ip2')
    np.testing.assert_array_equal(net.blobs['y'].data, whole['y'])
    net.blobs['h'].data = 0
    net.forward(1, 'ip1')
    assert net.blobs['h'].data.min() < 0  # the ReLU has not run


def test_parts_of_backward():
    net = make('force_backward: true\n' + CHAIN)
    net.forward()
    net.blobs['y'].diff = 1
    net.backward(end='ip2')
    assert net.blobs['h'].diff.any() and not net.blobs['x'].diff.any()
    assert net.params['ip2'][0].diff.any() and not net.params['ip1'][0].diff.any()
    net.backward('relu')
    assert net.blobs['x'].diff.any() and net.params['ip1'][0].diff.any()


def test_backward_is_the_slope_of_forward():
    net = make(
        'force_backward: true\n' + CHAIN, engine=make_engine('checked:reference', dtype=np.float64)
    )
    net.forward()
    net.blobs['y'].diff = 1
    net.backward()
    direction = np.random.default_rng(2).standard_normal((2, 4))
    slope = np.vdot(net.blobs['x'].diff, direction)
    x, sums = net.blobs['x'].data.copy(), []
    for step in (1e-6, -1e-6):
        net.blobs['x'].data = x + step * direction
        net.forward()
        sums.append(net.blobs['y'].data.sum())
    assert (sums[0] - sums[1]) / 2e-6 == pytest.approx(slope, rel=1e-6)


def test_unknown_layers_are_refused():
    net = make(CHAIN)
    with pytest.raises(NetError, match="has no layer 'ip3'; did you mean 'ip"):
        net.forward(end='ip3')
    with pytest.raises(IndexError):
        net.forward(end=9)


def test_callbacks_see_each_layer_before_forward_and_after_backward():
    net, seen = make('force_backward: true\n' + CHAIN), []
    net.before_forward.append(seen.append)
    net.forward(end='relu')
    assert seen == [0, 1, 2]
    net.after_backward.append(
        lambda i: seen.append((i, bool(net.bottoms[i] and net.bottoms[i][0].diff.any())))
    )
    net.blobs['h'].diff = 1
    net.backward('relu', 'ip1')
    assert seen[3:] == [(2, True), (1, True)]


def test_reshape_carries_shapes_through():
    net = make(CHAIN)
    net.blobs['x'].reshape(5, 4)
    net.reshape()
    assert net.blobs['y'].shape == (5, 3)


def test_looking_around():
    net = make(CHAIN)
    assert net.layer_names == ['data', 'ip1', 'relu', 'ip2']
    assert (net.inputs, net.outputs) == (['x'], ['y'])
    assert [len(net.params[name]) for name in ('ip1', 'ip2')] == [2, 2] and len(
        net.all_params()
    ) == 4
    assert (net.index('relu'), net.index(-1)) == (2, 3)


def test_outputs_are_in_alphabetical_order():
    net = make(INPUT + ip('one', 'x', 'z') + ip('two', 'x', 'b') + ip('three', 'x', 'a'))
    assert net.outputs == ['a', 'b', 'z']


def test_force_backward_reaches_inputs_and_frozen_layers():
    frozen = INPUT + ip('ip', 'x', 'y', 3, 'param { lr_mult: 0 } param { lr_mult: 0 }')
    for force, reached in (('', False), ('force_backward: true\n', True)):
        net = make(force + frozen)
        net.forward()
        net.blobs['y'].diff = 1
        net.backward()
        assert net.blobs['x'].diff.any() == net.params['ip'][0].diff.any() == reached


def test_building_draws_nothing_and_the_seed_decides_the_rest():
    dropout = 'dropout_param { dropout_ratio: 0.5 }'
    text = f'{INPUT} layer {{ name: "d" type: "Dropout" bottom: "x" top: "y" {dropout} }}'

    def masks(seed):
        net = Net(parse_net(text), TRAIN, seed=seed)
        net.blobs['x'].data = 1
        return [net.forward() or net.blobs['y'].data.copy() for _ in range(8)]

    assert np.array_equal(masks(3), masks(3))
    assert not np.array_equal(masks(3), masks(4))
    assert not np.array_equal(masks(3)[0], masks(3)[1])
    assert not any(p.data.any() for p in Net(parse_net(CHAIN)).all_params())
