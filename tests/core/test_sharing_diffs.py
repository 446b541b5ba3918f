"""Nets whose diffs share memory learn the same, in less of it."""

import tracemalloc

import golden
import numpy as np
import published
import pytest
import shared_nets
import solver_runs as runs
from goodinit.feeding.data_options import DataOptions
from goodinit.feeding.net_file import read_net_file
from goodinit.feeding.shaped import shaped
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.netlib.engines.fast.native import LIBRARY
from goodinit.netlib.errors import NetError
from goodinit.proto import parse_net, parse_solver
from goodinit.proto.caffe_pb2 import TRAIN, NetParameter
from goodinit.solvers import Solver
from small_nets import NETS, WITH_BATCH_NORM, data, fc, layer

RECORDED = golden.find('solvers/*.npz')
# The state of a recurrent layer is computed, yet gets no gradient: what lies under it learns
# nothing.
GIVEN_STATE = (
    data('3 2 4')
    + data('3 2', 'cont')
    + data('1 2 4', 'more')
    + fc('h', 'more', 5, 'axis: 2')
    + layer(
        'RNN',
        'rnn',
        'data cont h',
        'rnn last',
        'recurrent_param { num_output: 5 expose_hidden: true '
        'weight_filler { type: "gaussian" std: 0.5 } }',
    )
    + layer('Silence', 'silence', 'last', '')
    + fc('f', 'rnn', 5, 'axis: 2')
)
SMALL = NETS | {'batch norm': WITH_BATCH_NORM, 'given state': GIVEN_STATE}


def trainable(param):
    """The net with a loss on each of its ends, if it has none."""
    net = Net(param, TRAIN)
    if any(any(each.loss_weights) for each in net.layers):
        return param
    ends = parse_net(''.join(map(shared_nets.loss, set(net.outputs) - set(net.inputs))))
    return NetParameter(name=param.name, layer=[*param.layer, *ends.layer])


def pair(param, engine='fast'):
    plain, shared = (shared_nets.filled(param, TRAIN, engine) for _ in range(2))
    shared.share_diffs()
    return plain, shared


def assert_same(nets):
    for seed in range(2):
        plain, shared = (shared_nets.gradients(net, seed) for net in nets)
        for name, array in plain.items():
            np.testing.assert_array_equal(shared[name], array, err_msg=name)


def size(net):
    """Of the diffs of all blobs."""
    memories = {blob.diffs.memory for blob in net.blobs.values()}
    return sum(memory.size for memory in {memory.whole or memory for memory in memories})


@pytest.mark.parametrize('name', SMALL)
def test_small_nets(name, engine):
    assert_same(pair(trainable(parse_net(SMALL[name])), engine))


@pytest.mark.parametrize('seed', range(100))
def test_random_nets(seed):
    assert_same(pair(shared_nets.random_net(seed)))


@pytest.mark.parametrize(
    'name', ['DenseNet-121', 'Inception-v3', 'SegNet', 'Faster R-CNN ZF', 'SSD300', 'MTCNN O']
)
def test_published_nets(name):
    assert_same(pair(trainable(published.small(published.NETS[name]))))


@pytest.mark.parametrize('name', RECORDED)
def test_recorded_solvers(name):
    with np.load(RECORDED[name]) as case:
        solvers = [runs.start(case, share_memory=share) for share in (False, True)]
    for solver in solvers:
        solver.step(5)
    for plain, shared in zip(
        *([*solver.net.all_params(), *solver.history] for solver in solvers), strict=True
    ):
        np.testing.assert_array_equal(shared.data, plain.data, err_msg=plain.name)


def bundled(name, batch=2):
    """A bundled net in training, fed by Input layers."""
    return shaped(read_net_file(name), DataOptions(batch_size=batch))


@pytest.mark.parametrize(
    ('name', 'share'), [('fitnet4/bn_before_relu', 0.15), ('googlenet', 0.15), ('resnet50', 0.1)]
)
def test_less_memory(name, share):
    plain, shared = Net(bundled(name)), Net(bundled(name))
    shared.share_diffs()
    assert size(shared) < share * size(plain)


def test_one_copy_serves_batch_norm_and_scale_in_place():
    plain, shared = pair(trainable(parse_net(WITH_BATCH_NORM)))
    assert_same((plain, shared))
    names = [
        list(net.layers[net.index(name)].work.buffers)
        for net in (plain, shared)
        for name in ('bn1', 's1', 'bn2')
    ]
    assert [{*found} & {'input', 'output'} for found in names] == [
        {'output'},
        {'input'},
        {'output'},
        set(),
        {'input'},
        {'output'},
    ]


def test_a_diff_takes_the_place_of_the_one_it_is_made_of():
    text = (
        data()
        + fc('a', 'data', 5)
        + layer('ReLU', 'relu', 'a', 'b')
        + layer('Eltwise', 'sum', 'a b', 's')
        + fc('f', 's', 3)
        + shared_nets.loss('f')
    )
    nets = pair(parse_net(text))
    assert_same(nets)
    chain = 'a', 'a_a_0_split_0', 'b', 's'  # backward from s, while the other half of a's waits
    for net, memories in zip(nets, (4, 1), strict=True):
        assert len({net.blobs[name].diffs.memory for name in chain}) == memories


def test_backward_from_is_refused():
    _, net = pair(trainable(parse_net(NETS['chain'])))
    with pytest.raises(
        NetError, match=r'cannot run backward: its blobs share memory \(Net.share_diffs\)'
    ):
        net.backward_from({'f1': 1.0})


def test_a_solver_shares_only_when_it_is_asked_to():
    images = layer(
        'DummyData',
        'data',
        '',
        fields='dummy_data_param { shape { dim: 6 dim: 3 dim: 10 dim: 10 } '
        'data_filler { type: "gaussian" } }',
    )
    net = images + NETS['chain'].removeprefix(data()) + shared_nets.loss('prob')
    param = parse_solver(
        f'net_param {{ {net} }} base_lr: 0.1 lr_policy: "fixed" max_iter: 4 snapshot_prefix: "x" '
        'test_iter: 2 test_interval: 2'
    )
    tested = []
    for share in (False, True):
        solver = Solver(
            param, share_memory=share, seed=0, fill=lambda net: fill(net, np.random.default_rng(0))
        )
        assert solver.net.plan.made_by == 'share_diffs' * share
        assert [net.plan.made_by for net in solver.test_nets] == ['share_memory' * share]
        solver.step(3)
        tested.append(repr(solver.test()))
    assert tested[0] == tested[1]


# -- what a step does not do


@pytest.mark.parametrize('name', ['lenet', 'all_cnn_c', 'googlenet', 'resnet50'])
def test_no_gradient_of_the_data_is_computed(name):
    net = Net(bundled(name))
    inputs = {net.blobs[blob].values.memory for blob in net.inputs}
    flags = [
        flag
        for bottom, flags in zip(net.bottoms, net.propagate_down, strict=True)
        for blob, flag in zip(bottom, flags, strict=True)
        if blob.values.memory in inputs
    ]
    assert flags and not any(flags)


@pytest.mark.skipif(not LIBRARY.exists(), reason='goodinit was installed without a C++ compiler')
@pytest.mark.parametrize('name', ['lenet', 'cifar10_quick', 'fitnet4/bn_before_relu'])
def test_a_step_takes_no_new_memory(name):
    """But for what Python objects need: less than a third of any convolution's top."""
    net = shared_nets.filled(bundled(name, 8), TRAIN)
    net.share_diffs()
    for _ in range(2):
        shared_nets.gradients(net)
    shared_nets.put_inputs(net, 0)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    net.clear_param_diffs()
    net.forward()
    net.backward()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - before < 2**17
