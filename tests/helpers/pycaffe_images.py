"""Nets of images for the tests of caffe.Classifier, caffe.Detector and their commands."""

import numpy as np
from PIL import Image
from toolkit import DEPLOY, initialized, written

from goodinit import caffe

MEAN = np.float32([104, 117, 123])
PREPARING = {'mean': MEAN, 'input_scale': 0.02, 'raw_scale': 255, 'channel_swap': (2, 1, 0)}
SIDE = 20  # of the input of the net that looks at windows
WINDOW_NET = DEPLOY.replace('dim: 8 dim: 8', f'dim: {SIDE} dim: {SIDE}')
# ymin, xmin, ymax, xmax in an image of 40 x 50 pixels.
WINDOWS = [
    [3, 5, 23, 31],
    [0, 0, 40, 50],
    [0, 30, 12, 50],
    [33, 2, 40, 7],
    [10, 10, 11, 11],
    [25, 0, 39, 50],
]


def crop_net(folder):
    """A prototxt whose input is 2 x 3 x 8 x 8, and its weights."""
    weights = initialized(folder, '--seed', '3')
    return written(folder), str(weights)


def window_net(folder):
    """A prototxt whose input is 2 x 3 x 20 x 20, and its weights."""
    proto = written(folder, WINDOW_NET, 'deploy.prototxt')
    net = caffe.Net(proto, caffe.TEST)
    for params in net.params.values():
        for k, param in enumerate(params):
            param.data[...] = np.random.default_rng(k).normal(size=param.data.shape) / 20
    net.save(str(folder / 'net.caffemodel'))
    return proto, str(folder / 'net.caffemodel')


def random_images(*shape):
    """Values in [0, 1]."""
    return np.random.default_rng(0).uniform(size=shape).astype(np.float32)


def saved(folder, image, name='x.png'):
    """The path of a picture of values in [0, 1]."""
    pixels = np.rint(255 * image).astype(np.uint8)
    Image.fromarray(pixels.squeeze()).save(folder / name)
    return str(folder / name)
