"""Losses on a device: labels that are ignored are counted there."""

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TRAIN

pytestmark = pytest.mark.cuda
NET = """
force_backward: true
layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: 6 dim: 3 }} }} }}
layer {{ name: "t" type: "Input" top: "t" input_param {{ shape {{ {shape} }} }} }}
layer {{ name: "loss" type: "{type}" bottom: "x" bottom: "t" top: "loss"
         loss_param {{ ignore_label: 1 normalization: VALID }} loss_weight: 0.7 }}"""


def loss_net(loss, shape, engine):
    net = Net(parse_net(NET.format(type=loss, shape=shape), 'net.prototxt'), TRAIN, engine=engine)
    rng = np.random.default_rng(0)
    net.blobs['x'].data = rng.standard_normal((6, 3))
    net.blobs['t'].data = rng.integers(0, 2, net.blobs['t'].shape)
    return net


@pytest.mark.parametrize(
    ('loss', 'shape'),
    [('SoftmaxWithLoss', 'dim: 6'), ('SigmoidCrossEntropyLoss', 'dim: 6 dim: 3')],
)
def test_ignored_labels_are_counted_without_waiting(loss, shape, cuda, waits):
    net = loss_net(loss, shape, cuda)
    expected = loss_net(loss, shape, make_engine('reference', dtype=np.float64))
    expected.forward()
    expected.backward()
    net.run()
    net.backward()
    before = waits()
    net.run()
    net.backward()
    assert waits() == before
    for name, blob in (('loss', 'data'), ('x', 'diff')):
        found = getattr(net.blobs[name], blob)
        np.testing.assert_allclose(found, getattr(expected.blobs[name], blob), 1e-5, 1e-7)
