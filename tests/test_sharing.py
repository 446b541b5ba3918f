"""Nets whose blobs share memory compute the same, in less of it."""
import numpy as np
import pytest
from goodinit import fill
from goodinit.netlib import Net
from goodinit.netlib.errors import NetError
from goodinit.proto.caffe_pb2 import TEST
from goodinit.tools.bundled import find_model

NETS = {'lenet': (2, 1, 28, 28), 'squeezenet': (1, 3, 67, 67), 'unet': (1, 1, 32, 32),
        'googlenet': (1, 3, 224, 224)}


def built(name):
    net = Net(find_model(f'{name}/deploy'), TEST, seed=0)
    fill(net, np.random.default_rng(0))
    net.blobs['data'].reshape(*NETS[name])
    net.reshape()
    return net


def run(net):
    net.blobs['data'].data = np.random.default_rng(1).normal(size=net.blobs['data'].shape)
    net.forward()
    return {name: net.blobs[name].data.copy() for name in net.outputs}


def held(net):
    """Bytes that the values of the blobs take up."""
    return sum(memory.held for memory in {blob.values.memory for blob in net.blobs.values()})


@pytest.mark.parametrize('name', NETS)
def test_outputs_are_the_same_in_less_memory(name):
    plain, shared = built(name), built(name)
    shared.share_memory()
    for _ in range(2):
        for blob, array in run(plain).items():
            np.testing.assert_array_equal(run(shared)[blob], array, err_msg=blob)
    assert held(shared) < 0.7 * held(plain)


def test_kept_blobs_hold_what_was_computed():
    plain, shared = built('lenet'), built('lenet')
    shared.share_memory(keep=['conv1', 'ip1'])
    run(plain), run(shared)
    for name in ('conv1', 'ip1'):
        np.testing.assert_array_equal(shared.blobs[name].data, plain.blobs[name].data)


def test_larger_inputs_still_compute_the_same():
    plain, shared = built('lenet'), built('lenet')
    shared.share_memory()
    for net in (plain, shared):
        net.blobs['data'].reshape(5, 1, 28, 28)
    np.testing.assert_array_equal(run(shared)['prob'], run(plain)['prob'])


def test_backward_is_refused():
    net = built('lenet')
    net.share_memory()
    with pytest.raises(NetError, match='cannot run backward: its blobs share memory'):
        net.backward()
    with pytest.raises(NetError, match='cannot run backward: its blobs share memory'):
        net.backward_from({'ip2': 1.0})
