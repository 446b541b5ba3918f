"""A tiny Fast R-CNN for the drawn pictures of mini_devkit, and regions of them."""

import json

import numpy as np
import pytest
from goodinit.proto.spec import NetBuilder, prototxt
from goodinit.voc.boxes import clip, corners
from goodinit.voc.devkit import open_devkit
from mini_devkit import MINI

LABELS = 21
STRIDE = 8
OPTIONS = {'data': str(MINI), 'scales': [96], 'regions_per_image': 12}
MULTIPLIERS = ({'lr_mult': 1}, {'lr_mult': 2})


def options(regions, **others):
    """A param_str of RegionData."""
    return json.dumps({**OPTIONS, 'regions': str(regions), **others})


def data_layer(net, regions, **others):
    tops = ('data', 'rois', 'labels', 'bbox_targets', 'bbox_loss_weights')
    python = {
        'module': 'goodinit.voc.region_data',
        'layer': 'RegionData',
        'param_str': options(regions, **others),
    }
    net.add('Python', 'data', top=tops, python_param=python)


def body(net):
    x = net.conv('conv1', 'data', 8, STRIDE, stride=STRIDE, weight={'type': 'xavier'})
    x = net.relu('relu1', x)
    pooling = {'pooled_h': 2, 'pooled_w': 2, 'spatial_scale': 1 / STRIDE}
    x = net.add('ROIPooling', 'roi_pool1', [x, 'rois'], roi_pooling_param=pooling)
    x = net.inner_product('fc2', x, 16)
    x = net.relu('relu2', x)
    scores = net.inner_product('cls_score', x, LABELS, weight={'type': 'gaussian', 'std': 0.1})
    codes = net.inner_product('bbox_pred', x, 4 * LABELS, weight={'type': 'gaussian', 'std': 0.1})
    return scores, codes


def train_val(regions, **others):
    net = NetBuilder('Tiny', MULTIPLIERS)
    data_layer(net, regions, **others)
    scores, codes = body(net)
    net.add('SoftmaxWithLoss', 'loss_cls', [scores, 'labels'])
    net.add('SmoothL1Loss', 'loss_bbox', [codes, 'bbox_targets', 'bbox_loss_weights'])
    return net.param


def deploy():
    net = NetBuilder('Tiny')
    net.add('Input', 'data', input_param={'shape': [{'dim': [1, 3, 96, 128]}]})
    net.add('Input', 'rois', input_param={'shape': [{'dim': [4, 5]}]})
    scores, _ = body(net)
    net.add('Softmax', 'cls_prob', scores)
    return net.param


def written(folder, param, name):
    path = folder / name
    path.write_text(prototxt(param))
    return str(path)


def known_regions(folder, seed=0, count=60, near=0):
    """An .npz of random regions of each picture, and of so many `near` each object."""
    rng = np.random.default_rng(seed)
    found = {}
    for split in ('trainval', 'test'):
        for photograph in open_devkit(MINI).photographs(split):
            x = np.sort(rng.integers(0, 112, (count, 2)), axis=1)
            y = np.sort(rng.integers(0, 96, (count, 2)), axis=1)
            boxes = np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], 1)
            moved = corners(photograph.boxes).repeat(near, 0)
            moved += rng.integers(-8, 9, moved.shape)
            moved = clip(moved, photograph.width, photograph.height)
            found[photograph.name] = np.concatenate([boxes, moved])
    np.savez(folder / 'regions.npz', **found)
    return folder / 'regions.npz'


def need_search():
    """Skip the test where OpenCV has no selective search."""
    modules = pytest.importorskip('cv2.ximgproc', reason="needs pip install 'goodinit[regions]'")
    if not hasattr(modules, 'segmentation'):
        pytest.skip('OpenCV has lost its extra modules')
