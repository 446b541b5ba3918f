"""The net that says which classes a photograph shows, its training and its tests."""

import numpy as np
import pytest
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.netlib.errors import NetError
from goodinit.proto.caffe_pb2 import TEST, TRAIN, NetParameter
from goodinit.voc.classification import (
    MEAN,
    inputs,
    photographs_layer,
    put_images,
    scores,
    scoring_net,
    training_net,
)
from goodinit.voc.devkit import open_devkit
from goodinit.voc.windows import center_window, cut_windows, ten_windows
from mini_devkit import MINI

MODEL, CROP = 'cifar10_quick', 32


def ten(photograph):
    return list(ten_windows(photograph.width, photograph.height, 80))


def types(param: NetParameter):
    return [layer.type for layer in param.layer]


@pytest.fixture(scope='module')
def training():
    return training_net(MODEL, inputs(8, CROP))


def test_a_classifier_of_20_is_trained_by_sigmoid_cross_entropy(training):
    found = types(training)
    assert found[:2] == ['Input', 'Input'] and found[-1] == 'SigmoidCrossEntropyLoss'
    assert 'Accuracy' not in found and 'Data' not in found
    net = Net(training, TRAIN)
    assert net.blobs['ip2'].shape == (8, 20)
    assert net.blobs['ip1'].shape == (8, 64)


def test_what_is_ignored_does_not_count(training):
    net = Net(training, TRAIN, seed=0)
    rng = np.random.default_rng(0)
    fill(net, rng)
    net.blobs['data'].data = rng.standard_normal((8, 3, CROP, CROP))
    labels = np.full((8, 20), -1.0)
    net.blobs['label'].data = labels
    assert net.forward() == 0
    labels[0, 0] = 1
    net.blobs['label'].data = labels
    score = net.blobs['ip2'].data[0, 0]
    assert net.forward() == pytest.approx(np.log1p(np.exp(-score)) / 8, rel=1e-4)


def test_googlenet_has_three_losses():
    param = training_net('googlenet', inputs(1, 224))
    assert types(param).count('SigmoidCrossEntropyLoss') == 3
    outputs = [
        layer.inner_product_param.num_output
        for layer in param.layer
        if layer.type == 'InnerProduct'
    ]
    assert outputs.count(20) == 3


def test_batch_normalization_follows_all_but_the_classifier():
    found = types(training_net(MODEL, inputs(8, CROP), batch_norm=True))
    assert found.count('BatchNorm') == found.count('Scale') == 4
    assert found[2:5] == ['Convolution', 'BatchNorm', 'Scale']
    assert found[-2:] == ['InnerProduct', 'SigmoidCrossEntropyLoss']


def test_a_model_without_a_softmax_is_refused():
    with pytest.raises(NetError, match="'fitnet_mnist/hinge' has no SoftmaxWithLoss; needed: a cl"):
        training_net('fitnet_mnist/hinge', inputs(8, CROP))


def test_the_photographs_layer_feeds_a_net():
    fields = {'data': str(MINI), 'batch_size': 4, 'crop_size': CROP}
    net = Net(training_net(MODEL, photographs_layer(**fields)), TRAIN)
    fill(net, np.random.default_rng(0))
    assert np.isfinite(net.forward())


def test_scores_are_the_mean_over_windows(training):
    net = Net(scoring_net(training, CROP), TEST)
    fill(net, np.random.default_rng(0))
    photographs = open_devkit(MINI).photographs('test')
    told = []
    found = scores(net, photographs, ten, CROP, told.append)
    assert found.shape == (4, 20) and told == [4]
    for photograph, row in zip(photographs, found, strict=True):
        put_images(net, cut_windows(photograph.path, ten(photograph), CROP))
        net.forward()
        np.testing.assert_allclose(row, net.blobs['ip2'].data.mean(0), rtol=1e-4, atol=1e-7)


def test_batches_of_scores_are_told(training):
    net = Net(scoring_net(training, CROP), TEST)
    photographs = open_devkit(MINI).photographs('trainval')
    told = []
    found = scores(net, photographs, lambda each: ten(each) * 2, CROP, told.append)
    assert found.shape == (8, 20) and told == [3, 6, 8]


def test_the_mean_is_subtracted(training):
    net = Net(scoring_net(training, CROP), TEST)
    photograph = open_devkit(MINI).photographs('test')[0]
    [pixels] = cut_windows(photograph.path, [center_window(128, 96, 96)], CROP)
    put_images(net, pixels[None])
    shown = net.blobs['data'].data[0]
    np.testing.assert_array_equal(shown, pixels - np.array(MEAN, np.float32)[:, None, None])
