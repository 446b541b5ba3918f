"""Layers in one pass on a device: how few kernels they are, and that none is waited for."""

import ctypes

import pytest
from goodinit.netlib import Net
from goodinit.netlib.engines.cuda import launch
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST, TRAIN
from small_nets import conv, data, fc, layer, relu

pytestmark = pytest.mark.cuda

CONV = data('2 3 6 6') + conv('conv', 'data', 4)
NORM = layer('BatchNorm', 'norm', 'conv', 'conv')
SCALE = layer('Scale', 'scale', 'conv', 'conv', 'scale_param { bias_term: true }')
LOSS = layer('Reduction', 'loss', 'conv', fields='loss_weight: 1')
NORMALIZED = CONV + NORM + SCALE + relu('conv') + LOSS
PRODUCT = data('2 3 6 6') + fc('conv', 'data', 4) + relu('conv') + LOSS
SUM = (
    data('2 3 6 6')
    + layer('Eltwise', 'conv', 'data data')
    + relu('conv')
    + LOSS
    + 'force_backward: true\n'
)
SCORES = fc('scores', 'data', 5) + layer('SoftmaxWithLoss', 'loss', 'scores label')
CLASSES = data('2 3 6 6') + data('2', 'label') + SCORES


@pytest.fixture
def launched(monkeypatch):
    """The names of the kernels that have been launched."""
    names, found = [], launch.function

    def function(family, name):
        names.append(name)
        return found(family, name)

    monkeypatch.setattr(launch, 'function', function)
    return names


# What the loss, biases and the convolution's columns need besides.
OTHERS = {'im2col', 'col2im', 'sum_terms', 'fill', 'axpby', 'binary_mul', 'binary_add'}


@pytest.mark.parametrize(
    'text, forward, backward',
    [
        (NORMALIZED, 'scale_shift batch_statistics batch_normalize', 'batch_sums batch_backward'),
        (CONV + relu('conv') + LOSS, 'scale_shift', 'rectify_backward'),
        (PRODUCT, 'scale_shift', 'rectify_backward_columns'),
        (SUM, 'steps', 'rectify_backward_twice'),
        (CLASSES, 'softmax_forward cross_entropy', 'cross_entropy_backward sum_columns'),
    ],
)
def test_kernels_of_a_step(text, forward, backward, cuda, launched):
    net = Net(parse_net(text), TRAIN, engine=cuda.convolving('CAFFE'), seed=0)
    net.share_diffs()
    net.run()
    net.backward()
    found = [name for name in launched if name not in OTHERS]
    assert found == [*forward.split(), *backward.split()]


@pytest.mark.parametrize('phase', [TRAIN, TEST])
def test_statistics_are_used_without_a_look_at_them(phase, cuda, cuda_device):
    if cuda_device == 'real':
        pytest.skip("NVIDIA's driver does not count")
    waits = ctypes.c_int.in_dll(ctypes.CDLL('libcuda.so.1'), 'cuda_waits')
    net = Net(parse_net(NORMALIZED), phase, engine=cuda, seed=0)
    if phase == TEST:
        net.share_memory()
    else:
        net.share_diffs()
    for _ in range(3):
        net.run()
    before = waits.value
    net.run()
    assert waits.value == before
