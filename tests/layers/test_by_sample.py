"""A layer that says so computes each sample of its tops from the same one of its bottoms."""

import numpy as np
import pytest
from cases import CASES
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TRAIN

SAID = {
    'BatchNorm',
    'Bias',
    'Concat',
    'Convolution',
    'Deconvolution',
    'Dropout',
    'Eltwise',
    'Flatten',
    'InnerProduct',
    'LRN',
    'PReLU',
    'Pooling',
    'ReLU',
    'Scale',
    'Sigmoid',
    'Slice',
    'Split',
    'TanH',
}


def cut(case):
    """The case's tops from all samples, and from one at a time, put together; nothing if its layer
    does not say that it works by sample, or draws random numbers."""
    net = case.net(make_engine('exact'))
    layer = net.layers[-1]
    draws = layer.traits.draws and layer.phase == TRAIN
    if draws or not case.bottoms or not layer.traits.by_sample:
        return []
    bottoms = {name: net.blobs[name].data.copy() for name in case.bottoms}
    (size,) = {len(values) for values in bottoms.values()}
    net.forward()
    whole = [blob.data.copy() for blob in net.tops[-1]]
    found = [[] for _ in whole]
    for n in range(size):
        for name, values in bottoms.items():
            net.blobs[name].reshape(1, *values.shape[1:])
            net.blobs[name].data = values[n : n + 1]
        net.forward()
        for blob, seen in zip(net.tops[-1], found, strict=True):
            seen.append(blob.data.copy())
    return [(one, np.concatenate(seen)) for one, seen in zip(whole, found, strict=True)]


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.id)
def test_samples_that_do_not_meet(case):
    for whole, by_one in cut(case):
        np.testing.assert_allclose(by_one, whole, rtol=1e-5, atol=1e-6)


def test_the_layers_that_say_so():
    said = set()
    for case in CASES:
        if case.net(make_engine('reference')).layers[-1].traits.by_sample:
            said.add(case.type)
    assert said >= SAID
    assert not said & {'MVN', 'Reshape', 'Permute', 'BatchReindex', 'LSTM', 'RNN', 'Filter'}


@pytest.mark.parametrize(
    'fields',
    [
        'Concat concat_param { axis: 0 }',
        'Slice slice_param { axis: 0 }',
        'InnerProduct inner_product_param { num_output: 2 axis: 0 }',
        'Scale scale_param { axis: 0 }',
        'Flatten flatten_param { axis: 0 }',
    ],
)
def test_axis_0_joins_samples(fields):
    kind, options = fields.split(' ', 1)
    text = f"""
        layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: 2 dim: 4 }} }} }}
        layer {{ name: "l" type: "{kind}" bottom: "x" top: "y" {options} }}"""
    assert not Net(parse_net(text), TRAIN).layers[-1].traits.by_sample
