"""What a net writes by itself, and what `goodinit init --out` writes."""

import numpy as np
import pytest
from exported import load_module, run_onnx
from goodinit.netlib import Net
from goodinit.netlib.errors import NetError, ProtoError
from goodinit.netlib.weights import read_weights_file
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST, TRAIN
from goodinit.tools.init_net import main as init
from toolkit import DEPLOY, fails, written

onnx = pytest.importorskip('onnx', reason="needs onnx: pip install 'goodinit[test]'")


@pytest.fixture
def net():
    net = Net(parse_net(DEPLOY), TEST)
    rng = np.random.default_rng(0)
    for param in net.all_params():
        param.data = rng.standard_normal(param.shape) / 4
    return net


def test_a_net_writes_onnx(net, folder):
    pytest.importorskip('onnxruntime', reason="needs onnxruntime: pip install 'goodinit[test]'")
    net.to_onnx('x.onnx')
    data = np.random.default_rng(1).standard_normal((2, 3, 8, 8), np.float32)
    net.blobs['data'].data = data
    net.forward()
    (prob,) = run_onnx('x.onnx', {'data': data}, ['prob'])
    np.testing.assert_allclose(prob, net.blobs['prob'].data, atol=1e-6)


def test_a_net_writes_a_module(net, folder):
    torch = pytest.importorskip('torch', reason='needs PyTorch: pip install torch')
    net.to_torch(folder / 'x.py')
    weight = load_module(folder / 'x.py').load().conv.weight
    assert torch.equal(weight, torch.from_numpy(net.state_dict()['conv.weight']))


@pytest.mark.parametrize('method, name', [('to_onnx', 'x.py'), ('to_torch', 'x.onnx')])
def test_the_suffix_must_say_the_same(net, method, name):
    with pytest.raises(NetError, match=r'needed: the name of a file that ends in .'):
        getattr(net, method)(name)


def test_a_net_in_training_is_written_as_it_is_used(folder):
    """In TRAIN its Dropout draws; the file has none."""
    net = Net(parse_net(DEPLOY), TRAIN)
    net.save('x.onnx')
    assert not any(node.op_type == 'Dropout' for node in onnx.load('x.onnx').graph.node)


@pytest.mark.parametrize('suffix', ['safetensors', 'npz'])
def test_weights_are_copied_from_files_with_pytorchs_names(net, suffix, folder):
    net.save(f'x.{suffix}')
    other = Net(parse_net(DEPLOY), TEST)
    assert other.copy_from(f'x.{suffix}') == []
    for mine, theirs in zip(net.all_params(), other.all_params(), strict=True):
        np.testing.assert_array_equal(mine.data, theirs.data)


def test_such_weights_need_a_net(net, folder):
    net.save('x.npz')
    with pytest.raises(ProtoError, match='go by the names of PyTorch, which need a net'):
        read_weights_file('x.npz')


def test_weights_are_not_read_from_onnx(net, folder):
    net.to_onnx('x.onnx')
    with pytest.raises(
        ProtoError, match=r'x\.onnx: is an ONNX model, no weights of Caffe; the way in'
    ):
        net.copy_from('x.onnx')


def test_init_writes_onnx(folder, capsys):
    proto = written(folder)
    assert init(['--proto', proto, '--out', 'x.onnx', '--quiet']) == 0, capsys.readouterr().err
    assert [value.name for value in onnx.load('x.onnx').graph.output] == ['prob']


def test_init_says_what_is_missing_before_it_begins(folder, monkeypatch, capsys):
    monkeypatch.setitem(__import__('sys').modules, 'onnx', None)
    error = fails(init, ['--proto', written(folder), '--out', 'x.onnx'], capsys)
    assert "pip install 'goodinit[export]'" in error


def test_init_starts_from_safetensors(net, folder, capsys):
    net.save('x.safetensors')
    arguments = ['--proto', written(folder), '--weights', 'x.safetensors', '--out', 'y.caffemodel']
    assert init([*arguments, '--normalize', 'none', '--quiet']) == 0, capsys.readouterr().err
    back = Net(parse_net(DEPLOY), TEST, load='y.caffemodel')
    np.testing.assert_array_equal(back.params['ip'][0].data, net.params['ip'][0].data)
