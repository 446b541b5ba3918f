"""A trained SqueezeNet recognises photographs as published, and equal change rates leave what it
computes alone."""

import numpy as np
import places
import pytest
from goodinit.initializers import Recipe, initialize
from goodinit.netlib import Net
from goodinit.netlib.data.images import center_crop, decode_image
from goodinit.netlib.data.list_files import read_list
from goodinit.proto.caffe_pb2 import TEST

DATA = places.DATA
MODEL = DATA / 'squeezenet' / 'deploy.prototxt'
WEIGHTS = DATA / 'squeezenet' / 'squeezenet_v1.0_deepcompressed.caffemodel'
MEAN = np.float32([104, 117, 123]).reshape(3, 1, 1)

pytestmark = pytest.mark.skipif(
    not WEIGHTS.is_file(), reason='needs the trained SqueezeNet beside the repository'
)


@pytest.fixture(scope='module')
def photographs():
    """Every tenth photograph (30, 3, 227, 227), and its class."""
    folder = DATA / 'imagenet_sample'
    names, labels = read_list(folder / 'list.txt')
    images = [center_crop(decode_image(folder / name), 227, 227) - MEAN for name in names[::10]]
    return np.stack(images), np.array(labels[::10])


def outputs(net, images):
    """The scores, (images, 1000)."""
    net.blobs['data'].reshape(*images.shape)
    net.blobs['data'].data = images
    net.forward()
    return net.blobs['pool_final'].data.reshape(len(images), -1).copy()


def test_photographs_are_recognised(photographs):
    images, labels = photographs
    best = np.argsort(-outputs(Net(MODEL, TEST, load=WEIGHTS), images), axis=1)
    found = best == labels[:, None]
    assert found[:, :1].sum() == 20
    assert found[:, :5].sum() == 26


def test_equal_change_rates_keep_the_outputs(photographs):
    images, _ = photographs
    net = Net(MODEL, TEST, load=WEIGHTS)
    before = outputs(net, images[:4])
    weights = net.params['fire5/conv3x3_2'][0].data.copy()
    initialize(
        net, [{'data': images[4:8]}], Recipe('keep', 'none', 'exact'), np.random.default_rng(0)
    )
    assert not np.allclose(net.params['fire5/conv3x3_2'][0].data, weights, rtol=0.01)
    after = outputs(net, images[:4])
    assert abs(after - before).max() < 1e-4 * abs(before).max()
