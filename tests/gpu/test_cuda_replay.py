"""Ops that the CUDA engine has noted, and makes again as bare calls."""

import gc

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.engines.cuda.cudnn import Cudnn
from goodinit.netlib.engines.cuda.cudnn_convolution import planned
from goodinit.netlib.engines.cuda.launch import Kernel
from goodinit.netlib.memory import Places
from goodinit.proto import parse_net

pytestmark = pytest.mark.cuda

TEXT = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 6 dim: 6 } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 engine: CAFFE } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
"""


@pytest.fixture
def net(cuda):
    """A net that has run often enough to be repeated."""
    net = Net(parse_net(TEXT), 0, engine=cuda)
    net.layers[1].weight.data = np.random.default_rng(0).normal(size=(4, 3, 3, 3))
    for _ in range(3):
        passed(net, 1)
    assert len(net.plan.recordings.found) == 3
    return net


def passed(net, seed):
    """What a forward pass makes of random numbers."""
    net.blobs['x'].data = np.random.default_rng(seed).normal(size=(2, 3, 6, 6))
    net.forward()
    return net.blobs['conv'].data.copy()


def test_a_repeated_pass_packs_nothing(net, monkeypatch):
    monkeypatch.setattr(Kernel, 'packed', None)
    passed(net, 2)


def test_the_mirrors_of_a_memory_stay_right(net):
    """What the host changes is uploaded, and what it reads is what the device wrote last."""
    expected = passed(net, 2)
    assert not np.array_equal(expected, passed(net, 3))
    net.blobs['conv'].data = 7
    np.testing.assert_array_equal(passed(net, 2), expected)
    net.layers[1].weight.data = 0
    assert not passed(net, 2).any()


def test_scratch_that_grows_is_not_written_to_where_it_was(net, cuda):
    expected = passed(net, 2)
    device = cuda.device
    before, size = device.scratch('columns', 0), device._scratch['columns'].size
    version = Places.version
    assert device.scratch('columns', 2 * size) != before
    assert Places.version > version
    new_owner = device.allocate(size)
    assert int(new_owner) == before
    device.clear(new_owner, size)
    np.testing.assert_array_equal(passed(net, 2), expected)
    values = np.full(size // 4, np.nan, np.float32)
    device.download(new_owner, values)
    assert not values.any()


def test_noted_convolutions_keep_their_descriptors(cuda, monkeypatch):
    planned.cache_clear()  # of other tests' convolutions
    net = Net(parse_net(TEXT.replace('engine: CAFFE', '')), 0, engine=cuda)
    for seed in range(3):
        passed(net, seed)
    called, call = [], Cudnn.call
    monkeypatch.setattr(Cudnn, 'call', lambda *words: called.append(words[1]) or call(*words))
    planned.cache_clear()
    gc.collect()
    passed(net, 4)
    assert called == ['ConvolutionForward']


def test_an_op_that_uploads_is_noted_as_a_whole(cuda):
    x, out = cuda.tensor(4), cuda.tensor(2)
    x.array(write=True)[:] = [1, 2, 3, 4]
    calls = cuda.recorder = []
    cuda.gather(x, [3, 0], 0, out=out)
    cuda.axpby(2, out, 0, out=out)
    cuda.recorder = None
    assert out.array().tolist() == [8, 2]
    cuda.gather(x, [1, 1], 0, out=out)  # takes the place of the integers
    x.array(write=True)[:] = [5, 6, 7, 8]
    (replay,) = calls
    replay()
    assert out.array().tolist() == [16, 10]


def test_numbers_beyond_float32_are_infinite(cuda):
    x = cuda.tensor(2)
    cuda.fill(1e39, out=x)
    assert x.array().tolist() == [np.inf] * 2
    cuda.fill(-1e39, out=x)
    assert x.array().tolist() == [-np.inf] * 2
    cuda.fill(np.nan, out=x)
    assert np.isnan(x.array()).all()
