"""OpenCV's importer of Caffe models reads the caffemodels that goodinit writes, and computes the
same outputs; goodinit reads those that OpenCV makes smaller."""

import numpy as np
import pytest
from goodinit.feeding.bundled import find_model
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.proto.caffe_pb2 import TEST, TRAIN

cv2 = pytest.importorskip('cv2', reason="needs OpenCV 4: pip install 'goodinit[test]'")

# What to compare: a layer of the middle, the last to write its blob; the scores, since a softmax
# hides most errors; the net's output.
NETS = {
    'lenet': ('pool2', 'ip2', 'prob'),
    'caffenet': ('pool2', 'fc8', 'prob'),
    'googlenet': ('inception_3b/output', 'loss3/classifier', 'prob'),
    'squeezenet': ('fire4/concat', 'pool10', 'prob'),
    'resnet50': ('res3d_relu', 'fc1000', 'prob'),
}


@pytest.mark.parametrize('name', NETS)
def test_opencv_computes_the_same(name, tmp_path):
    model, weights = find_model(name, 'deploy'), tmp_path / 'weights.caffemodel'
    rng = np.random.default_rng(0)
    image = rng.standard_normal((1, *Net(model).blobs['data'].shape[1:])).astype(np.float32)
    initialized(model, image, rng).save(weights)
    net = forward(Net(model, TEST, load=weights), image)

    imported = cv2.dnn.readNetFromCaffe(str(model), str(weights))
    imported.setInput(image)
    for layer in NETS[name]:
        (ours,) = net.tops[net.index(layer)]
        theirs = imported.forward(layer)
        assert theirs.shape == ours.shape
        assert abs(theirs - ours.data).max() < 3e-4 * abs(ours.data).max(), layer


def test_caffemodels_that_opencv_shrinks_are_read(tmp_path):
    """They hold float16, stored as NVIDIA's fork does."""
    model = find_model('lenet', 'deploy')
    whole, halves = tmp_path / 'whole.caffemodel', tmp_path / 'halves.caffemodel'
    net = initialized(model, np.zeros((1, 1, 28, 28)), np.random.default_rng(0))
    net.save(whole)
    cv2.dnn.shrinkCaffeModel(str(whole), str(halves))
    found = Net(model, TEST, load=halves)
    for ours, theirs in zip(net.all_params(), found.all_params(), strict=True):
        np.testing.assert_array_equal(theirs.data, ours.data.astype(np.float16))


def initialized(model, image, rng):
    """The net with its fillers' weights, and scales, shifts and running statistics that matter."""
    net = Net(model, TRAIN)
    fill(net, rng)
    for layer in net.layers:
        if layer.type == 'Scale':
            layer.params[0].data = rng.uniform(0.5, 1.5, layer.params[0].shape)
            layer.params[1].data = rng.standard_normal(layer.params[1].shape) / 10
    # BatchNorm gathers its statistics in the TRAIN phase; after two batches their common factor is
    # not 1 either.
    if any(layer.type == 'BatchNorm' for layer in net.layers):
        forward(net, image)
        forward(net, image)
    return net


def forward(net, image):
    net.blobs['data'].reshape(*image.shape)
    net.blobs['data'].data = image
    net.forward()
    return net
