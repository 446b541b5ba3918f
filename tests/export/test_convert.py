"""goodinit convert: what it writes, what it says, and what it leaves alone."""

import errno
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from exported import load_module, run_onnx
from goodinit.export import check, onnx_file
from goodinit.netlib import Net
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST
from goodinit.tools.cli.main import main as command
from goodinit.tools.convert import main
from goodinit.tools.init_net import main as init
from toolkit import DEPLOY, IMAGES, fails, train_val, written

from goodinit import export

onnx = pytest.importorskip('onnx', reason="needs onnx: pip install 'goodinit[test]'")
SHAPE = ['--input-shape', '3,8,8']
TRANSFORM = 'scale: 0.5 mean_value: 1 mean_value: 2 mean_value: 3'


@pytest.fixture
def small(folder, capsys):
    """The current folder with a deploy and a train_val net and the weights of both."""
    written(folder, DEPLOY, 'deploy.prototxt')
    both = train_val(transform=TRANSFORM).replace('include { phase: TRAIN }', '')
    written(folder, both, 'train_val.prototxt')
    assert init(['--proto', 'deploy.prototxt', '--out', 'w.caffemodel', '--quiet']) == 0
    capsys.readouterr()
    return folder


def says(arguments, capsys):
    """What the command says when it succeeds."""
    assert main([*map(str, arguments)]) == 0, capsys.readouterr().err
    out, err = capsys.readouterr()
    assert out == ''
    return err


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


def capsys_without_net(capsys):
    """Reads as capsys does, without the line that says which net it is."""

    def readouterr():
        out, err = capsys.readouterr()
        return out, ''.join(line for line in err.splitlines(True) if not line.startswith('net: '))

    return SimpleNamespace(readouterr=readouterr)


# -- refusals


BAD = f"""name: "Bad" {IMAGES}
layer {{ name: "drop" type: "Dropout" bottom: "data" top: "a" dropout_param {{ sample_weights_test: true }} }}
layer {{ name: "random" type: "DummyData" top: "b"
  dummy_data_param {{ shape {{ dim: 2 dim: 3 dim: 8 dim: 8 }} data_filler {{ type: "gaussian" }} }} }}
layer {{ name: "sum" type: "Eltwise" bottom: "a" bottom: "b" top: "y" }}
layer {{ name: "ip" type: "InnerProduct" bottom: "y" top: "z" inner_product_param {{ num_output: 1 }} }}"""


def test_every_layer_that_cannot_be_expressed_is_listed(folder, capsys):
    written(folder, BAD)
    Net(parse_net(BAD), TEST).save('w.caffemodel')
    assert main(['net.prototxt', 'w.caffemodel', 'x.onnx']) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "layer 'drop' (Dropout), net.prototxt:2: sample_weights_test" in '\n'.join(lines)
    assert "layer 'random' (DummyData), net.prototxt:3: its filler gaussian" in '\n'.join(lines)
    assert lines[-1].endswith('x.onnx is not written: 2 layers cannot be expressed in ONNX')
    assert sorted(path.name for path in folder.iterdir()) == ['net.prototxt', 'w.caffemodel']


def test_python_layers_are_refused_by_name(folder):
    (folder / 'ours.py').write_text(
        'from goodinit.caffe import Layer\n'
        'class Same(Layer):\n'
        '    def setup(self, bottom, top): pass\n'
        '    def reshape(self, bottom, top): top[0].reshape(*bottom[0].shape)\n'
        '    def forward(self, bottom, top): top[0].data[...] = bottom[0].data\n'
    )
    text = f'{IMAGES} layer {{ name: "own" type: "Python" bottom: "data" top: "y" python_param {{ module: "ours" layer: "Same" }} }}'
    sys.path.insert(0, str(folder))
    try:
        net = Net(parse_net(text), TEST)
        for target in ('x.onnx', 'x.py'):
            with pytest.raises(export.CannotExport, match="'own' .Python.*Python code of its own"):
                export.write(net, target)
    finally:
        sys.path.remove(str(folder))


REFUSED = [
    (['deploy.prototxt'], 'needed: NET WEIGHTS OUT; missing: WEIGHTS, OUT'),
    ([], 'missing: NET, WEIGHTS, OUT'),
    (
        ['deploy.prototxt', 'w.caffemodel', 'x.onxx'],
        "x.onxx: found the suffix '.onxx'; did you mean '.onnx'?",
    ),
    (['deploy.prototxt', 'w.caffemodel', 'x.onnx', '--train'], '--train goes with a .py file'),
    (
        ['deploy.prototxt', 'w.caffemodel', 'w.caffemodel'],
        'w.caffemodel: already exists (use --force to overwrite)',
    ),
    (
        ['deploy.prototxt', 'w.caffemodel', 'x.onnx', '--input', 'rgb'],
        "argument --input: unknown 'rgb'",
    ),
    (
        ['none.prototxt', 'w.caffemodel', 'x.onnx'],
        "'none.prototxt' is neither a file nor a bundled model",
    ),
    (
        ['deploy.prototxt', 'w.caffemodel', 'no/x.onnx'],
        'cannot write no/x.onnx: there is no folder no',
    ),
    (
        ['deploy.prototxt', 'w.caffemodel', 'x.onnx', '--until', 'con'],
        "has no blob 'con'; did you mean 'conv'?",
    ),
    (
        ['deploy.prototxt', 'w.caffemodel', 'x.onnx', '--input=rgb255', '--mean=1,2'],
        'the mean has 2 numbers, the input 3 channels',
    ),
]


@pytest.mark.parametrize('arguments, message', REFUSED, ids=lambda value: str(value)[:40])
def test_what_cannot_be_done_is_refused_in_a_line(small, arguments, message, capsys):
    before = sorted(small.iterdir())
    assert message in fails(main, arguments, capsys_without_net(capsys))
    assert sorted(small.iterdir()) == before


def test_a_mean_file_must_be_given_as_numbers_for_images_to_be_prepared(small, capsys):
    written(small, train_val(transform='mean_file: "mean.binaryproto"'), 'train_val.prototxt')
    error = fails(
        main,
        ['deploy.prototxt', 'w.caffemodel', 'x.onnx', '--input=rgb255'],
        capsys_without_net(capsys),
    )
    assert 'needs the mean as numbers; the net has the mean file mean.binaryproto' in error


def test_images_of_one_channel_are_not_prepared():
    text = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 1 dim: 4 dim: 4 } } } layer { name: "r" type: "ReLU" bottom: "x" top: "y" }'
    options = export.Options(convention=export.Convention(given='rgb255'))
    with pytest.raises(
        export.CannotExport.__mro__[1], match='is for three channels; the net takes 1'
    ):
        export.write(Net(parse_net(text), TEST), 'x.onnx', options)


# -- the check


def wrong(path, inputs, outputs):
    return {name: np.full((2, 5), 0.7, np.float32) for name in outputs}


def test_a_file_that_computes_something_else_is_not_written(small, monkeypatch, capsys):
    monkeypatch.setattr(check, 'onnx_runner', lambda: ('a test', wrong))
    arguments = ['deploy.prototxt', 'w.caffemodel', 'x.onnx']
    error = fails(main, arguments, capsys_without_net(capsys))
    assert 'x.onnx is not written: run on the same input' in error and "'prob'" in error
    assert not (small / 'x.onnx').exists()
    assert "'prob'" in says([*arguments, '--force'], capsys)
    assert (small / 'x.onnx').exists()


def test_a_net_that_magnifies_rounding_passes():
    assert check.Difference('y', 9e-5).passes
    assert not check.Difference('y', 2e-4).passes
    assert check.Difference('y', 2e-4, rounding=1e-4).passes
    assert not check.Difference('y', 9e-4, rounding=1e-4).passes
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


def test_the_list_is_printed(capsys):
    assert main(['--list']) == 0
    out = capsys.readouterr().out
    assert 'Convolution' in out and 'cannot: it runs Python code' in out
