"""A convolution that rectifies for the ReLU on its top: where that is done, and that nothing else changes by it."""
import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TRAIN
from small_nets import conv, data, layer, relu

CONV, IN_PLACE = conv('conv', 'data', 4), relu('conv')
LOSS = layer('Reduction', 'loss', 'conv', fields='reduction_param { operation: SUMSQ } loss_weight: 1')


def nets(text, engine='fast'):
    """The net, and the same one planned for training; both with the same numbers in them."""
    made = [Net(parse_net(data('2 3 6 6') + text + LOSS), TRAIN, seed=0, engine=engine) for _ in range(2)]
    rng = np.random.default_rng(0)
    for param, same in zip(*(net.all_params() for net in made), strict=True):
        param.data = same.data = rng.standard_normal(param.shape)
    x = rng.standard_normal((2, 3, 6, 6))
    for net in made:
        net.blobs['data'].data = x
    made[1].share_diffs()
    return made


def test_one_pass_computes_both(engine):
    plain, fused = nets(CONV + IN_PLACE, engine)
    fused.forward(end='conv')
    assert fused.blobs['conv'].data.min() == 0              # rectified already
    assert fused.forward() == pytest.approx(plain.forward(), rel=1e-6)
    np.testing.assert_array_equal(fused.blobs['conv'].data, plain.blobs['conv'].data)
    for net in (plain, fused):
        net.clear_param_diffs()
        net.backward()
    for a, b in zip(plain.all_params(), fused.all_params(), strict=True):
        np.testing.assert_array_equal(a.diff, b.diff)


@pytest.mark.parametrize('text', [
    CONV + layer('ReLU', 'relu', 'conv', 'conv', 'relu_param { negative_slope: 0.1 }'),
    CONV + layer('ReLU', 'relu', 'conv', 'above'),
    CONV + layer('Power', 'power', 'conv', 'conv') + IN_PLACE,
    CONV + IN_PLACE + 'debug_info: true\n',
])
def test_what_stays_apart(text):
    plain, planned = nets(text)
    assert planned.forward(end='conv') == plain.forward(end='conv')
    np.testing.assert_array_equal(planned.blobs['conv'].data, plain.blobs['conv'].data)
    assert planned.blobs['conv'].data.min() < 0
