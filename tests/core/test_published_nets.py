"""Nets that were published from 2015 to 2018 have their published sizes, run in both directions and
can be initialized.

Full-size nets are only built: memory is taken at first use. Thin ones run.
"""

import functools

import numpy as np
import pytest
from goodinit.initializers import PRESETS, fill, initialize
from goodinit.initializers.walk import measuring
from goodinit.netlib import Net
from goodinit.netlib.layers.shared.affine import Affine
from goodinit.proto import write_text
from goodinit.proto.caffe_pb2 import TEST, TRAIN
from published import NETS, small

LSUV = PRESETS['lsuv']
# The first so many params of these learn; the others are statistics.
LEARNED = {'BatchNorm': 0, 'BN': 2}


def learned(net):
    return [param for layer in net.layers for param in layer.params[: LEARNED.get(layer.type)]]


@functools.cache
def full(name):
    return Net(NETS[name].build(), TEST)


@pytest.fixture(scope='module', params=NETS)
def trained(request):
    """The case, and its thin net, initialized and with the same inputs as then; what the
    initialization said."""
    case = NETS[request.param]
    net = Net(small(case), TRAIN, seed=0)
    rng = np.random.default_rng(0)
    fill(net, rng)
    batch = {name: rng.standard_normal(net.blobs[name].shape) for name in net.inputs}
    if 'label' in batch:
        batch['label'] = rng.integers(0, 21, net.blobs['label'].shape)
    notes = initialize(net, [batch], LSUV, rng)
    for name, values in batch.items():
        net.blobs[name].data = values
    return case, net, notes


# -- full size


@pytest.mark.parametrize('name', NETS)
def test_size(name):
    assert sum(param.count for param in learned(full(name))) == NETS[name].parameters


@pytest.mark.parametrize('name', NETS)
def test_shapes(name):
    assert {blob: full(name).blobs[blob].shape for blob in NETS[name].shapes} == NETS[name].shapes


@pytest.mark.parametrize('name', NETS)
def test_building_takes_no_memory(name):
    net = full(name)
    held = sum(
        tensor.memory.held
        for blob in (*net.blobs.values(), *net.all_params())
        for tensor in (blob.values, blob.diffs)
    )
    assert held < 10_000


# -- thin nets


def initialized(net):
    """{name: layer} of the convolutions and inner products with weights of their own that learn."""
    return {
        layer.name: layer
        for layer in net.layers
        if isinstance(layer, Affine) and layer.weight.learns
    }


def test_lsuv(trained):
    _, net, notes = trained
    variances = {}
    net.after_forward.append(
        lambda i: variances.update({net.layers[i].name: net.tops[i][0].data.var()})
    )
    with measuring(net):
        net.forward()
    net.after_forward.clear()
    off = {
        name: variances[name] for name in initialized(net) if abs(variances[name] - 1) > LSUV.margin
    }
    assert not off, notes


def test_gradients(trained):
    case, net, _ = trained
    net.clear_param_diffs()
    assert np.isfinite(net.forward())
    if case.ends:
        rng = np.random.default_rng(1)
        net.backward_from({name: rng.standard_normal(net.blobs[name].shape) for name in case.ends})
    else:
        net.backward()
    assert all(np.isfinite(param.diff).all() for param in learned(net))
    assert not [name for name, layer in initialized(net).items() if not layer.weight.diff.any()]


# OpenCV's importer knows no BN, no Python layers and no round_mode, and reads an Axpy of 4 axes
# wrongly.
@pytest.mark.parametrize(
    'trained',
    [
        'ResNet-152',
        'Inception-v3',
        'MobileNet',
        'ShuffleNet',
        'FCN-8s',
        'SSD300',
        'MTCNN P',
        'MTCNN R',
        'MTCNN O',
    ],
    indirect=True,
)
def test_opencv_computes_the_same(trained, tmp_path):
    cv2 = pytest.importorskip('cv2', reason="needs OpenCV 4: pip install 'goodinit[test]'")
    case, net, _ = trained
    net.forward()  # takes statistics of the batch
    net.save(tmp_path / 'net.caffemodel')
    ours = Net(small(case), TEST, load=tmp_path / 'net.caffemodel')
    write_text(ours.param, tmp_path / 'net.prototxt')
    theirs = cv2.dnn.readNetFromCaffe(
        str(tmp_path / 'net.prototxt'), str(tmp_path / 'net.caffemodel')
    )
    ours.blobs['data'].data = net.blobs['data'].data
    theirs.setInput(net.blobs['data'].data, 'data')
    ours.forward()
    for name in case.ends or ('score',):
        scores = ours.blobs[name].data
        np.testing.assert_allclose(
            theirs.forward(name), scores, rtol=0, atol=0.01 * abs(scores).max()
        )
