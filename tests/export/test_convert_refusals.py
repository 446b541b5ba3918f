"""goodinit convert: what it refuses, and in which words."""

import sys

import pytest
from exported import capsys_without_net
from goodinit.netlib import Net
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST
from goodinit.tools.convert import main
from toolkit import IMAGES, fails, train_val, written

from goodinit import export

onnx = pytest.importorskip('onnx', reason="needs onnx: pip install 'goodinit[test]'")


BAD = f"""name: "Bad" {IMAGES}
layer {{ name: "drop" type: "Dropout" bottom: "data" top: "a"
  dropout_param {{ sample_weights_test: true }} }}
layer {{ name: "random" type: "DummyData" top: "b"
  dummy_data_param {{ shape {{ dim: 2 dim: 3 dim: 8 dim: 8 }}
  data_filler {{ type: "gaussian" }} }} }}
layer {{ name: "sum" type: "Eltwise" bottom: "a" bottom: "b" top: "y" }}
layer {{ name: "ip" type: "InnerProduct" bottom: "y" top: "z"
  inner_product_param {{ num_output: 1 }} }}"""


def test_every_layer_that_cannot_be_expressed_is_listed(folder, capsys):
    written(folder, BAD)
    Net(parse_net(BAD), TEST).save('w.caffemodel')
    assert main(['net.prototxt', 'w.caffemodel', 'x.onnx']) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "layer 'drop' (Dropout), net.prototxt:2: sample_weights_test" in '\n'.join(lines)
    assert "layer 'random' (DummyData), net.prototxt:4: its filler gaussian" in '\n'.join(lines)
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
    own = 'python_param { module: "ours" layer: "Same" }'
    text = f'{IMAGES} layer {{ name: "own" type: "Python" bottom: "data" top: "y" {own} }}'
    sys.path.insert(0, str(folder))
    try:
        net = Net(parse_net(text), TEST)
        for target in ('x.onnx', 'x.py'):
            with pytest.raises(export.CannotExport, match=r"'own' .Python.*Python code of its own"):
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
    (
        ['deploy.prototxt', 'w.caffemodel', 'x.foo'],
        "x.foo: found the suffix '.foo'; needed: one of .onnx, .py, .safetensors, .npz, "
        '.caffemodel, .h5, .hdf5',
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
    text = """
        layer { name: "x" type: "Input" top: "x"
          input_param { shape { dim: 1 dim: 1 dim: 4 dim: 4 } } }
        layer { name: "r" type: "ReLU" bottom: "x" top: "y" }"""
    options = export.Options(convention=export.Convention(given='rgb255'))
    with pytest.raises(
        export.CannotExport.__mro__[1], match='is for three channels; the net takes 1'
    ):
        export.write(Net(parse_net(text), TEST), 'x.onnx', options)
