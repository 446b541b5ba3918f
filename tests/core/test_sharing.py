"""Nets whose blobs share memory compute the same, in less of it."""

import shutil

import golden
import numpy as np
import published
import pytest
from goodinit.feeding.bundled import find_model
from goodinit.netlib import Net
from goodinit.netlib.errors import NetError
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST
from goodinit.tools import test as score
from goodinit.tools import train
from shared_nets import filled, put_inputs
from small_nets import conv, data, layer

from goodinit import fill

NETS = {
    'lenet': (2, 1, 28, 28),
    'squeezenet': (1, 3, 67, 67),
    'unet': (1, 1, 32, 32),
    'googlenet': (1, 3, 224, 224),
}
RECORDED = {
    name: path
    for name, path in golden.find('nets/*.npz').items()
    if str(np.load(path)['phase']) == 'TEST'
}


def built(name):
    net = Net(find_model(f'{name}/deploy'), TEST, seed=0)
    fill(net, np.random.default_rng(0))
    net.blobs['data'].reshape(*NETS[name])
    net.reshape()
    return net


def run(net):
    put_inputs(net, 1)
    net.forward()
    return outputs(net)


def outputs(net):
    return {name: net.blobs[name].data.copy() for name in net.outputs}


def held(net):
    """Bytes that blobs and what layers keep for themselves take up."""
    kept = [
        blob
        for layer in net.layers
        for blob in (*layer.work.buffers.values(), *layer.work.shared_scratch.values())
    ]
    memories = {blob.values.memory for blob in [*net.blobs.values(), *kept]}
    return sum(memory.held for memory in {memory.whole or memory for memory in memories})


def assert_same(shared, plain):
    """But for rounding, where convolutions take up the BatchNorm above them."""
    for name, array in plain.items():
        np.testing.assert_allclose(
            shared[name], array, rtol=0, atol=1e-5 * abs(array).max(), err_msg=name
        )


@pytest.mark.parametrize('name', NETS)
def test_outputs_are_the_same_in_less_memory(name):
    plain, shared = built(name), built(name)
    put_inputs(shared, 1)
    shared.reshape()  # before memory is shared, to what is to come
    shared.share_memory()
    for _ in range(2):
        assert_same(run(shared), run(plain))
    assert held(shared) < 0.8 * held(plain)


@pytest.mark.parametrize('name', published.NETS)
def test_published_nets_give_the_same(name):
    plain, shared = (filled(published.small(published.NETS[name]), TEST) for _ in range(2))
    shared.share_memory()
    for _ in range(2):
        assert_same(run(shared), run(plain))


@pytest.mark.parametrize('name', RECORDED)
def test_recorded_nets_give_the_same(name):
    with np.load(RECORDED[name]) as recorded:
        nets = [golden.build(recorded, RECORDED[name], 'fast') for _ in range(2)]
        nets[1].share_memory()
        for net in nets:
            for blob, key in golden.keys(recorded, 'bottom/').items():
                net.blobs[blob].data = recorded[key]
            net.forward()
    assert_same(*map(outputs, reversed(nets)))


def test_kept_blobs_hold_what_was_computed():
    plain, shared = built('lenet'), built('lenet')
    shared.share_memory(keep=['conv1', 'ip1'])
    run(plain), run(shared)
    for name in ('conv1', 'ip1'):
        np.testing.assert_array_equal(shared.blobs[name].data, plain.blobs[name].data)


def test_what_a_layer_writes_once_stays():
    net = Net(
        parse_net("""
        layer { name: 'ones' type: 'DummyData' top: 'ones'
          dummy_data_param { shape { dim: 4 } data_filler { value: 1 } } }
        layer { name: 'twos' type: 'Power' bottom: 'ones' top: 'twos' power_param { scale: 2 } }
        layer { name: 'fours' type: 'Power' bottom: 'twos' top: 'fours' power_param { scale: 2 } }
        layer { name: 'eights' type: 'Power' bottom: 'fours' top: 'eights'
          power_param { scale: 2 } }"""),
        TEST,
    )
    net.share_memory()
    for _ in range(3):
        net.forward()
        assert net.blobs['eights'].data.tolist() == [8] * 4


def test_a_layer_works_in_place_where_nobody_reads_its_bottom_later():
    text = (
        data()
        + conv('a', 'data', 4)
        + layer('ReLU', 'relu', 'a', 'b')
        + layer('TanH', 'tanh', 'b', 'c')
    )
    nets = [filled(parse_net(text + layer('Eltwise', 'sum', 'b c', 'd')), TEST) for _ in range(2)]
    nets[1].share_memory()
    assert_same(*map(run, nets[::-1]))
    memory = [net.blobs[name].values.memory for net in nets for name in 'abc']
    assert len(set(memory[:3])) == 3 and memory[3] is memory[4] is not memory[5]


def test_larger_inputs_still_compute_the_same():
    plain, shared = built('lenet'), built('lenet')
    shared.share_memory()
    for net in (plain, shared):
        net.blobs['data'].reshape(5, 1, 28, 28)
    assert_same(run(shared), run(plain))


def test_backward_is_refused():
    net = built('lenet')
    net.share_memory()
    with pytest.raises(NetError, match='cannot run backward: its blobs share memory'):
        net.backward()
    with pytest.raises(NetError, match='cannot run backward: its blobs share memory'):
        net.backward_from({'ip2': 1.0})


@pytest.mark.parametrize(
    ('flags', 'asked'), [([], ['values', 'diffs', 'values']), (['--no-share'], [])]
)
def test_tools_share_unless_they_are_told_not_to(flags, asked, tmp_path, monkeypatch):
    pytest.importorskip('h5py')
    for path in (golden.HERE / 'cli').glob('*.*'):
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    found = []
    monkeypatch.setattr(Net, 'share_memory', lambda net: found.append('values'))
    monkeypatch.setattr(Net, 'share_diffs', lambda net: found.append('diffs'))
    assert (
        score.main(
            ['--model', 'net.prototxt', '--weights', 'init.caffemodel', '--iterations', '1', *flags]
        )
        == 0
    )
    assert train.main(['--solver', 'solver.prototxt', '--iterations', '1', *flags]) == 0
    assert found == asked
