"""A layer whose ops are recorded and run again gives the bits of one that runs itself each time,
with other numbers in each pass."""

import weakref

import numpy as np
import pytest
from cases import CASES
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.calling import OPS
from goodinit.netlib.engines.fast import OF_KERNELS, native
from goodinit.netlib.errors import GoodinitError
from goodinit.netlib.layers.traits import PASSES
from goodinit.netlib.registry import LAYERS
from goodinit.proto import parse_net
from layer_runs import values
from places import ROOT

TEXT = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 4 dim: 3 dim: 6 dim: 6 } } }
layer { name: "t" type: "Input" top: "t" input_param { shape { dim: 4 } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool"
  pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "drop" type: "Dropout" bottom: "pool" top: "pool" }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
  inner_product_param { num_output: 3 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "t" top: "loss"
  loss_param { FIELDS } }
"""


RECORDING = ['fast', pytest.param('cuda', marks=pytest.mark.cuda)]


@pytest.fixture(params=RECORDING)
def name(request):
    """The name of an engine that records."""
    if request.param == 'cuda':
        request.getfixturevalue('cuda_device')
    return request.param


def small_net(name, records, fields=''):
    engine = make_engine(name, deterministic=True)
    engine.can_record = engine.can_record and records
    net = Net(parse_net(TEXT.replace('FIELDS', fields)), 0, engine=engine, seed=3)
    rng = np.random.default_rng(1)
    for param in net.all_params():
        param.data = rng.normal(size=param.shape)
    return net


def one_pass(net, seed, batch=4, labels=3):
    """What a pass over random numbers leaves in the net: its loss, blobs and gradients."""
    rng = np.random.default_rng(seed)
    net.blobs['x'].reshape(batch, 3, 6, 6)
    net.blobs['t'].reshape(batch)
    net.blobs['x'].data = rng.normal(size=net.blobs['x'].shape)
    net.blobs['t'].data = rng.integers(labels, size=batch)
    loss = net.forward()
    net.clear_param_diffs()
    net.backward()
    gradients = [param.diff.copy() for param in net.all_params()]
    return [np.array(loss), *values(net.blobs.values()).values(), *gradients]


def assert_same(recorded, anew):
    for one, other in zip(recorded, anew, strict=True):
        np.testing.assert_array_equal(one, other)


def recorded_types(net, direction):
    return {net.layers[i].type for each, i in net.plan.recordings.found if each == direction}


def recorded_directions(net, layer):
    return {direction for direction, i in net.plan.recordings.found if i == layer}


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.id)
def test_layers_repeat_what_they_do(case, name):
    nets = [case.net(make_engine(name, deterministic=True)) for _ in range(2)]
    nets[1].layers[-1].engine.can_record = False
    for k in range(4):
        recorded, anew = (changed_run(case, net, k) for net in nets)
        assert_same(recorded, anew)
    last = len(nets[0].layers) - 1
    assert recorded_directions(nets[0], last) <= set(nets[0].layers[last].traits.repeats)
    assert not recorded_directions(nets[1], last)


def changed_run(case, net, k):
    """A forward and a backward pass, the k-th with the bottoms' rows in another order and other
    parameters."""
    case.put(net)
    for name in case.bottoms:
        net.blobs[name].data = np.roll(net.blobs[name].data.copy(), k, axis=0)
    for param in net.layers[-1].params:
        param.data = param.data * (1 + k)
    net.forward()
    net.clear_param_diffs()
    case.put_top_diffs(net)
    last = len(net.layers) - 1
    net.plan.backward(last, net.steps[last], case.wanted(net))
    tops = values(net.tops[-1]).values()
    return [*tops, *(blob.diff.copy() for blob in case.gradients(net).values())]


@pytest.mark.parametrize('fields', ['', 'ignore_label: 1', 'normalization: FULL'])
def test_nets_repeat_what_they_do(fields, name):
    recorded, anew = small_net(name, True, fields), small_net(name, False, fields)
    for seed, batch in enumerate([4, 4, 4, 2, 2, 2, 5, 4, 4, 4]):
        assert_same(one_pass(recorded, seed, batch), one_pass(anew, seed, batch))
    expected = {'Convolution', 'ReLU', 'Pooling', 'InnerProduct', 'SoftmaxWithLoss'}
    assert expected <= recorded_types(recorded, 'forward')
    assert 'Dropout' not in recorded_types(recorded, 'forward')
    assert not recorded_types(anew, 'forward')


def test_what_changes_between_passes_is_seen(name):
    recorded, anew = small_net(name, True), small_net(name, False)

    def both(change):
        for net in (recorded, anew):
            change(net)
        assert_same(one_pass(recorded, 0), one_pass(anew, 0))

    for _ in range(3):
        both(lambda net: None)
    both(lambda net: net.blobs['loss'].diffs.set(3))
    both(lambda net: setattr(net.layers[2].weight, 'learns', False))
    both(lambda net: net.layers[6].weight.free())
    both(lambda net: net.layers[6].weight.data.fill(0.5))
    both(lambda net: net.share_diffs())
    both(lambda net: net.blobs['conv'].free())


def test_the_message_of_a_repeated_layer_is_the_layers_own():
    net = small_net('fast', True)
    for seed in range(3):
        one_pass(net, seed)
    net.blobs['t'].data = 7
    with pytest.raises(GoodinitError, match=r"layer 'loss' .*label 7: .*ignore_label: 7"):
        net.forward()


def test_layers_on_the_host_are_not_repeated():
    for kind in LAYERS.values():
        assert set(kind.traits.repeats) <= set(PASSES)
        assert not (kind.traits.repeats and '.host.' in kind.__module__), kind


def test_freed_memory_is_not_kept():
    net = small_net('fast', True)
    for seed in range(3):
        one_pass(net, seed)
    kept = weakref.ref(net.blobs['conv'].data.base)
    assert kept() is not None
    net.blobs['conv'].free()
    net.forward_layer(0)
    assert kept() is None


NORMALIZED = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 4 dim: 3 dim: 6 dim: 6 } } }
layer { name: "conv" type: "Convolution" bottom: "x" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 FIELDS } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }
layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" scale_param { bias_term: true } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "rows" type: "Reshape" bottom: "conv" top: "rows"
  reshape_param { shape { dim: 4 dim: -1 } } }
layer { name: "ip" type: "InnerProduct" bottom: "rows" top: "ip"
  inner_product_param { num_output: 3 } }
"""


@pytest.mark.parametrize('fields', ['', 'engine: CAFFE'])  # for which there may be an engine
def test_parameters_that_another_net_trains(fields, name):
    """As those of a test net, which shares its memory, and fuses layers that read statistics."""
    nets = []
    for records in (True, False):
        engine = make_engine(name)
        engine.can_record = engine.can_record and records
        nets.append(Net(parse_net(NORMALIZED.replace('FIELDS', fields)), 1, engine=engine, seed=3))
        nets[-1].share_memory()
    for k in range(5):
        outputs = []
        for net in nets:
            rng = np.random.default_rng(k)
            for param in net.all_params():
                param.data = rng.uniform(0.5, 2, size=param.shape)
            net.blobs['x'].data = rng.normal(size=(4, 3, 6, 6))
            net.forward()
            outputs.append(net.blobs['ip'].data.copy())
        np.testing.assert_array_equal(*outputs)
    assert 'InnerProduct' in recorded_types(nets[0], 'forward')


def test_layers_read_numbers_through_their_engine():
    """Except where a backward starts, which is among the facts of a recording."""
    found = []
    for path in (ROOT / 'netlib' / 'layers').rglob('*.py'):
        if 'host' not in path.parts and '.item()' in path.read_text():
            found.append(path.name)
    assert sorted(found) == ['batch_norm.py', 'loss.py']  # has_statistics; loss_weight


def test_ops_of_kernels_are_ops():
    assert OF_KERNELS <= OPS


def test_a_kernel_without_memory_is_told_when_it_is_run_again():
    net = small_net('fast', True)
    for seed in range(3):
        one_pass(net, seed)

    def refuse():
        native.refused().value = 1

    net.plan.recordings.found['forward', 6].calls.insert(0, refuse)
    with pytest.raises(GoodinitError, match=r"layer 'ip' .*'fast': a kernel needs more memory"):
        net.forward()
    assert native.refused().value == 0


def test_a_repeated_op_without_memory_is_an_error_of_the_layer():
    net = small_net('fast', True)
    for seed in range(3):
        one_pass(net, seed)

    def fail():
        raise MemoryError('of NumPy')

    net.plan.recordings.found['forward', 2].calls.insert(0, fail)
    with pytest.raises(GoodinitError, match=r"layer 'conv' .*not enough memory \(of NumPy\)"):
        net.forward()
