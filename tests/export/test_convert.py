"""goodinit convert: what it writes, what it says, and what it leaves alone."""

import errno
import json
import subprocess
import sys

import numpy as np
import pytest
from exported import capsys_without_net, load_module, run_onnx, says
from goodinit.export import check, onnx_file
from goodinit.netlib import Net
from goodinit.proto.caffe_pb2 import TEST
from goodinit.tools.cli.main import main as command
from goodinit.tools.convert import main
from goodinit.tools.init_net import main as init
from toolkit import fails

onnx = pytest.importorskip('onnx', reason="needs onnx: pip install 'goodinit[test]'")
SHAPE = ['--input-shape', '3,8,8']


def metadata_of(path):
    return {prop.key: prop.value for prop in onnx.load(path).metadata_props}


# -- ONNX


def test_a_deploy_net_becomes_onnx(small, capsys):
    pytest.importorskip('onnxruntime', reason="needs onnxruntime: pip install 'goodinit[test]'")
    err = says(['deploy.prototxt', 'w.caffemodel', 'x.onnx'], capsys)
    assert 'checked: onnxruntime' in err and "'prob'" in err and 'written: x.onnx' in err
    onnx.checker.check_model('x.onnx', full_check=True)
    model = onnx.load('x.onnx')
    assert model.opset_import[0].version <= 18
    assert [opset.domain for opset in model.opset_import] == ['']
    net = Net('deploy.prototxt', TEST, load='w.caffemodel')
    for images in (1, 7):
        data = np.random.default_rng(0).standard_normal((images, 3, 8, 8), np.float32)
        net.blobs['data'].reshape(*data.shape)
        net.blobs['data'].data = data
        net.forward()
        (prob,) = run_onnx('x.onnx', {'data': data}, ['prob'])
        np.testing.assert_allclose(prob, net.blobs['prob'].data, atol=1e-6)


def test_the_file_says_what_the_net_takes(small, capsys):
    """The mean and scale stand in the train_val beside."""
    says(['deploy.prototxt', 'w.caffemodel', 'x.onnx', '--no-check'], capsys)
    found = metadata_of('x.onnx')
    assert found['source'].endswith('deploy.prototxt and w.caffemodel')
    assert json.loads(found['input.data']) == {
        'layout': 'NCHW',
        'channels': 'BGR',
        'size': [8, 8],
        'range': [0, 255],
        'mean': [1.0, 2.0, 3.0],
        'scale': 0.5,
    }


def test_mean_and_scale_can_be_given(small, capsys):
    says(
        ['deploy.prototxt', 'w.caffemodel', 'x.onnx', '--no-check', '--mean=9', '--scale=2'], capsys
    )
    found = json.loads(metadata_of('x.onnx')['input.data'])
    assert (found['mean'], found['scale']) == ([9.0], 2.0)


@pytest.mark.parametrize(
    'kind, prepare',
    [
        ('bgr255', lambda x: x),
        ('rgb255', lambda x: x[:, ::-1]),
        ('rgb01', lambda x: x[:, ::-1] / 255),
    ],
)
def test_the_file_can_prepare_its_images(small, kind, prepare, capsys):
    pytest.importorskip('onnxruntime', reason="needs onnxruntime: pip install 'goodinit[test]'")
    says(['deploy.prototxt', 'w.caffemodel', 'x.onnx', '--input', kind], capsys)
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 3, 8, 8)).astype(np.float32)
    given = np.ascontiguousarray(prepare(pixels), np.float32)
    (prob,) = run_onnx('x.onnx', {'data': given}, ['prob'])
    net = Net('deploy.prototxt', TEST, load='w.caffemodel')
    net.blobs['data'].data = (pixels - np.float32([1, 2, 3]).reshape(3, 1, 1)) * 0.5
    net.forward()
    np.testing.assert_allclose(prob, net.blobs['prob'].data, atol=1e-5)


def test_a_train_val_net_is_cut(small, capsys):
    err = says(['train_val.prototxt', 'w.caffemodel', 'x.onnx', '--force', *SHAPE], capsys)
    assert "cut: 'loss' (SoftmaxWithLoss)" in err
    model = onnx.load('x.onnx')
    assert [value.name for value in model.graph.input] == ['data']
    assert [value.name for value in model.graph.output] == ['ip']


def test_until_ends_the_net(small, capsys):
    says(['deploy.prototxt', 'w.caffemodel', 'x.onnx', '--until', 'conv'], capsys)
    model = onnx.load('x.onnx')
    assert [value.name for value in model.graph.output] == ['conv']
    assert not any(node.op_type == 'Gemm' for node in model.graph.node)


def test_bundled_models_go_by_name(folder, capsys):
    assert init(['--proto', 'lenet', '--out', 'w.caffemodel', '--quiet']) == 0
    capsys.readouterr()
    assert command(['convert', 'lenet', 'w.caffemodel', 'lenet.onnx']) == 0
    assert 'lenet/deploy.prototxt' in capsys.readouterr().err


# -- PyTorch and weights


def test_a_module_is_written_with_its_weights(small, capsys):
    pytest.importorskip('torch', reason='needs PyTorch: pip install torch')
    err = says(['deploy.prototxt', 'w.caffemodel', 'x.py'], capsys)
    assert 'checked: PyTorch' in err and 'written: x.safetensors, x.py' in err
    module = load_module(small / 'x.py')
    assert module.__doc__.startswith('Small, from ')
    assert (
        'data: (N, 3, 8, 8), BGR, values from 0 to 255 minus 1, 2, 3, times 0.5' in module.__doc__
    )
    assert list(dict(module.load().named_children())) == ['conv', 'ip']


def test_a_module_to_be_trained_has_losses(small, capsys):
    torch = pytest.importorskip('torch', reason='needs PyTorch: pip install torch')
    says(['train_val.prototxt', 'w.caffemodel', 'x.py', '--train', *SHAPE], capsys)
    net = load_module(small / 'x.py').load()
    loss = net.loss(torch.zeros(4, 3, 8, 8), torch.zeros(4))
    loss.backward()
    assert net.conv.weight.grad is not None


def test_weights_come_home(small, capsys):
    says(['deploy.prototxt', 'w.caffemodel', 'x.safetensors'], capsys)
    err = says(['deploy.prototxt', 'x.safetensors', 'home.caffemodel'], capsys)
    assert 'written: home.caffemodel' in err
    ours, back = (
        Net('deploy.prototxt', TEST, load=name) for name in ('w.caffemodel', 'home.caffemodel')
    )
    for name, params in ours.params.items():
        for mine, theirs in zip(params, back.params[name], strict=True):
            np.testing.assert_array_equal(mine.data, theirs.data)


def test_weights_that_do_not_fit_are_named(small, capsys):
    np.savez('x.npz', **{'conv.weight': np.zeros((1, 1)), 'other': np.zeros(2)})
    error = fails(main, ['deploy.prototxt', 'x.npz', 'home.caffemodel'], capsys_without_net(capsys))
    assert "x.npz: these weights do not fit net 'Small': 'conv.weight' has shape (1, 1)" in error
    assert not (small / 'home.caffemodel').exists()


# -- the check


def wrong(path, inputs, outputs):
    return {name: np.full((2, 5), 0.7, np.float32) for name in outputs}


def test_a_file_that_computes_something_else_is_not_written(small, monkeypatch, capsys):
    monkeypatch.setattr(check, 'onnx_runner', lambda: ('a test', wrong))
    arguments = ['deploy.prototxt', 'w.caffemodel', 'x.onnx']
    error = fails(main, arguments, capsys_without_net(capsys))
    assert 'x.onnx is not written: run on the same input' in error and "'prob'" in error
    assert not (small / 'x.onnx').exists()
    (small / 'x.onnx').write_bytes(b'older')
    assert 'x.onnx is not written' in fails(
        main, [*arguments, '--force'], capsys_without_net(capsys)
    )
    assert (small / 'x.onnx').read_bytes() == b'older'


def test_more_difference_can_be_accepted(small, monkeypatch, capsys):
    monkeypatch.setattr(check, 'onnx_runner', lambda: ('a test', wrong))
    arguments = ['deploy.prototxt', 'w.caffemodel', 'x.onnx', '--tolerance']
    error = fails(main, [*arguments, '0.01'], capsys_without_net(capsys))
    assert 'by more than 0.01 of their largest value' in error
    assert '(--tolerance accepts more, --no-check any difference)' in error
    assert "'prob'" in says([*arguments, '10'], capsys)
    assert (small / 'x.onnx').exists()


def test_a_net_that_magnifies_rounding_passes():
    assert check.Difference('y', 9e-5).passes()
    assert not check.Difference('y', 2e-4).passes()
    assert check.Difference('y', 2e-4).passes(3e-4)
    assert check.Difference('y', 2e-4, rounding=1e-4).passes()
    assert not check.Difference('y', 9e-4, rounding=1e-4).passes()
    assert (
        str(check.Difference('y', 2e-4, rounding=1e-4)) == "'y' 2.0e-04 (rounding alone: 1.0e-04)"
    )


def test_shares():
    ours = np.float32([1, -4])
    assert check.share(ours, np.float32([1, -3])) == 0.25
    assert check.share(ours, np.float32([1])) == np.inf
    assert check.share(ours, np.float32([1, np.nan])) == np.inf
    assert check.share(np.float32([np.inf]), np.float32([np.inf])) == 0
    assert check.share(np.float32([0, 0]), np.float32([0, 0.5])) == 0.5


def test_without_onnxruntime_the_evaluator_of_onnx_checks(small, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    err = says(['deploy.prototxt', 'w.caffemodel', 'x.onnx'], capsys)
    assert "checked: onnx's reference evaluator" in err
    assert 'pip install onnxruntime' in err


def test_without_pytorch_the_module_is_unchecked(small, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'torch', None)
    err = says(['deploy.prototxt', 'w.caffemodel', 'x.py'], capsys)
    assert 'checked: no: torch is not installed (pip install torch)' in err


def test_no_check_says_so(small, capsys):
    assert 'checked: no: not asked for' in says(
        ['deploy.prototxt', 'w.caffemodel', 'x.onnx', '--no-check'], capsys
    )


def test_without_onnx_the_cure_is_said(small, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'onnx', None)
    arguments = ['deploy.prototxt', 'w.caffemodel', 'x.onnx']
    error = fails(main, arguments, capsys_without_net(capsys))
    assert "pip install 'goodinit[export]'" in error
    assert not (small / 'x.onnx').exists()


@pytest.mark.parametrize('out', ['x.onnx', 'x.py', 'x.safetensors', 'x.npz'])
def test_a_full_disk_leaves_nothing(small, out, monkeypatch, capsys):
    def full(file, *_):
        file.write(b'begun')
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(onnx_file, 'write', full)
    monkeypatch.setattr('goodinit.export.writers.write_safetensors', full)
    monkeypatch.setattr('goodinit.export.writers.write_npz', full)
    before = sorted(small.iterdir())
    error = fails(main, ['deploy.prototxt', 'w.caffemodel', out], capsys_without_net(capsys))
    assert 'No space left on device' in error
    assert sorted(small.iterdir()) == before


def test_a_file_that_outgrows_its_limit_leaves_nothing(small):
    command = [sys.executable, '-m', 'goodinit', 'convert', 'deploy.prototxt', 'w.caffemodel']
    before = sorted(small.iterdir())
    for out in ('x.onnx', 'x.py'):
        limited = ['sh', '-c', 'ulimit -f 1; exec "$@"', 'sh', *command, out]
        done = subprocess.run(limited, capture_output=True, text=True)
        assert done.returncode == 1 and f'cannot write {out}: ' in done.stderr
        assert sorted(small.iterdir()) == before


def test_the_list_is_printed(capsys):
    assert main(['--list']) == 0
    out = capsys.readouterr().out
    assert 'Convolution' in out and 'cannot: it runs Python code' in out
