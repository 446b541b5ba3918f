"""Whole nets in onnxruntime, PyTorch and OpenCV 5: bundled ones, and published ones made thin.

Rounding is told from mistakes by the same net in float64: who computes in float32 may lie as far
from it as goodinit in float32 does, times a few, or 1e-5 of the largest value.
"""

import functools

import numpy as np
import published
import pytest
from goodinit.export import check
from goodinit.export.job import Options, make_job
from goodinit.feeding.bundled import find_model
from goodinit.netlib import Net
from goodinit.netlib.data.embedded import open_embedded
from goodinit.netlib.engines import make_engine
from goodinit.proto import read_net
from goodinit.proto.caffe_pb2 import TEST, NetParameter
from living_nets import bring_to_life
from opencv5 import FOLDER, REASON, run_opencv5

from goodinit import export

onnx = pytest.importorskip('onnx', reason="needs onnx: pip install 'goodinit[test]'")

# Python layers are in the way of the others.
PUBLISHED = [name for name in published.NETS if 'Faster' not in name]
BUNDLED = [
    'cifar10_quick',
    'fitnet1/vlrelu',
    'fitnet4/bn_before_relu',
    'fitnet4/maxout',
    'fitnet_mnist/softmax',
    'fitresnet4/tanh',
    'lenet',
    'nin_cifar10',
]
ROUNDINGS = 5


def net_of(name):
    if name in published.NETS:
        return published.small(published.NETS[name])
    return read_net(find_model(name, 'deploy'))


@functools.cache
def living(name):
    """A net with weights, its inputs, what it makes of them, and what float64 makes of them."""
    net = Net(net_of(name), TEST)
    inputs = samples(net)
    bring_to_life(net, inputs, np.random.default_rng(0))
    inputs = samples(net)
    names = list(make_job(net, Options()).steps.outputs)
    ours = check.expected(net, inputs, names)
    return net, inputs, ours, exact(net, inputs, names)


def samples(net):
    rng = np.random.default_rng(1)
    out = {}
    for name in net.inputs:
        out[name] = rng.standard_normal(net.blobs[name].shape).astype(np.float32)
    return out


def exact(net, inputs, names):
    """The outputs in float64."""
    double = Net(net.param, TEST, engine=make_engine('fast', dtype=np.float64))
    for layer, params in net.params.items():
        for mine, theirs in zip(double.params[layer], params, strict=True):
            mine.data = theirs.data.astype(np.float64)
    return check.expected(double, inputs, names)


def agrees(name, found):
    _, _, ours, truth = living(name)
    for output, values in truth.items():
        rounding = check.share(values, ours[output])
        assert check.share(values, found[output]) <= max(1e-5, ROUNDINGS * rounding), output


@pytest.mark.parametrize('name', [*BUNDLED, *PUBLISHED])
def test_onnxruntime_computes_the_same(name, tmp_path):
    pytest.importorskip('onnxruntime', reason="needs onnxruntime: pip install 'goodinit[test]'")
    net, inputs, ours, _ = living(name)
    path = str(tmp_path / 'x.onnx')
    export.write(net, path, Options(check=False))
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [(opset.domain, opset.version <= 18) for opset in model.opset_import] == [('', True)]
    agrees(name, check.run_by_onnxruntime(path, inputs, list(ours)))


@pytest.mark.parametrize('name', ['lenet', 'SSD300', 'ShuffleNet', 'PSPNet50', 'MTCNN O'])
@pytest.mark.parametrize('images', [1, 7])
def test_any_number_of_images_goes_through(name, images, tmp_path):
    pytest.importorskip('onnxruntime', reason="needs onnxruntime: pip install 'goodinit[test]'")
    net, inputs, ours, _ = living(name)
    path = str(tmp_path / 'x.onnx')
    export.write(net, path, Options(check=False))
    given = {blob: np.resize(x, (images, *x.shape[1:])) for blob, x in inputs.items()}
    found = check.run_by_onnxruntime(path, given, list(ours))
    for output, values in check.expected(net, given, list(ours)).items():
        assert check.share(values, found[output]) <= 1e-4, output


def end_of(net):
    """The last layer of a detector as a net of its own."""
    end = NetParameter(name='end')
    last = next(layer for layer in net.param.layer if layer.type == 'DetectionOutput')
    for blob in last.bottom:
        layer = end.layer.add(name=blob, type='Input', top=[blob])
        layer.input_param.shape.add(dim=net.blobs[blob].shape)
    end.layer.add().CopyFrom(last)
    return Net(end, TEST)


def test_detections_on_ten_photographs(tmp_path):
    """Of the same codes and confidences the same boxes are left, in the same order."""
    onnxruntime = pytest.importorskip('onnxruntime', reason="pip install 'goodinit[test]'")
    net, *_ = living('SSD300')
    crops = open_embedded((3, 300, 300), np.random.default_rng(0), mean='117', scale=1 / 64)
    whole = check.expected(net, {'data': crops.take(10)[0]}, ['detection_out'])
    end = end_of(net)
    given = {name: net.blobs[name].data.copy() for name in end.inputs}
    export.write(end, tmp_path / 'x.onnx', Options(check=False))
    session = onnxruntime.InferenceSession(tmp_path / 'x.onnx', providers=['CPUExecutionProvider'])
    (output,) = session.get_outputs()
    assert output.shape == [1, 1, 'detection_out_count', 7]
    (found,) = session.run(None, given)
    assert len(set(found[0, 0, :, 0])) == 10
    ours = whole['detection_out']
    np.testing.assert_array_equal(found[..., :2], ours[..., :2])
    np.testing.assert_allclose(found, ours, atol=1e-6)


@pytest.mark.parametrize('name', [*BUNDLED, *PUBLISHED])
def test_pytorch_computes_the_same(name, tmp_path):
    pytest.importorskip('torch', reason='needs PyTorch: pip install torch')
    net, inputs, ours, _ = living(name)
    path = str(tmp_path / 'x.py')
    export.write(net, path, Options(check=False))
    agrees(name, check.run_by_torch(path, inputs, list(ours)))


@pytest.mark.skipif(not FOLDER, reason=REASON)
def test_opencv5_computes_the_same(tmp_path):
    names = [*BUNDLED, *PUBLISHED]
    models, inputs, outputs = [], [], []
    for name in names:
        net, given, ours, _ = living(name)
        export.write(net, str(tmp_path / 'x.onnx'), Options(check=False))
        models.append((tmp_path / 'x.onnx').read_bytes())
        inputs.append(given)
        outputs.append(list(ours))
    for name, found in zip(names, run_opencv5(models, inputs, outputs, tmp_path), strict=True):
        assert not isinstance(found, str), f'{name}: {found}'
        agrees(name, found)
