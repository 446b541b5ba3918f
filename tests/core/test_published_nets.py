"""Nets that were published from 2015 to 2018 have their published sizes, run in both directions and
can be initialized.

Full-size nets are only built: memory is taken at first use. Thin ones run.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import published_dense_nets as dense
import published_detectors as detectors
import published_nets as classifiers
import pytest
from goodinit.initializers import PRESETS, fill, initialize
from goodinit.initializers.walk import measuring
from goodinit.netlib import Net
from goodinit.netlib.layers.shared.affine import Affine
from goodinit.proto import write_text
from goodinit.proto.caffe_pb2 import TEST, TRAIN, NetParameter

LSUV = PRESETS['lsuv']


@dataclass(frozen=True)
class Published:
    """parameters: learned numbers. shapes: of some blobs of the full net. small: what `build` gets
    for a net to run, of which all layers but those that `keep` matches become thinner by `divisor`.
    ends: where gradients start, if not at losses."""

    build: Callable[..., NetParameter]
    parameters: int
    source: str
    shapes: dict[str, tuple[int, ...]]
    ends: tuple[str, ...] = ()
    small: dict[str, int] = field(default_factory=lambda: {'images': 2})
    divisor: int = 16
    keep: str = ''


IMGCLSMOB = 'the table of osmr/imgclsmob'
BY_HAND = 'the published prototxt, summed by hand'
REGIONS = {'small': {'train': 1}, 'divisor': 32, 'keep': 'rpn_(cls|bbox)|cls_score|bbox_pred'}
NETS = {
    'ResNet-152': Published(
        classifiers.resnet152,
        60_192_808,
        IMGCLSMOB,
        {
            'pool1': (1, 64, 56, 56),
            'conv3_8': (1, 512, 28, 28),
            'conv4_36': (1, 1024, 14, 14),
            'conv5_3': (1, 2048, 7, 7),
            'classifier': (1, 1000),
        },
        ('classifier',),
        {'images': 2, 'size': 64},
    ),
    'SE-ResNet-50': Published(
        classifiers.se_resnet50,
        28_088_024,
        IMGCLSMOB,
        {'conv5_3': (1, 2048, 7, 7), 'conv5_3_1x1_down': (1, 128, 1, 1)},
        ('classifier',),
        {'images': 2, 'size': 64},
    ),
    'DenseNet-121': Published(
        classifiers.densenet121,
        7_978_856,
        IMGCLSMOB,
        {
            'pool2': (1, 128, 28, 28),
            'pool3': (1, 256, 14, 14),
            'pool4': (1, 512, 7, 7),
            'concat_conv5_16': (1, 1024, 7, 7),
            'fc6': (1, 1000, 1, 1),
        },
        ('fc6',),
        {'images': 2, 'size': 64},
        8,
    ),
    'Inception-v3': Published(
        classifiers.inception_v3,
        23_834_568,
        IMGCLSMOB,
        {
            'pool2_3x3_s2': (1, 192, 35, 35),
            'inception_a1': (1, 256, 35, 35),
            'inception_a3': (1, 288, 35, 35),
            'inception_b4': (1, 768, 17, 17),
            'inception_reduction_b': (1, 1280, 8, 8),
            'inception_c2': (1, 2048, 8, 8),
        },
        ('classifier',),
        {'images': 2, 'size': 107},
    ),
    'MobileNet': Published(
        classifiers.mobilenet,
        4_231_976,
        IMGCLSMOB,
        {'conv1': (1, 32, 112, 112), 'conv13/sep': (1, 1024, 7, 7)},
        ('fc7',),
        {'images': 2, 'size': 64},
    ),
    'ShuffleNet': Published(
        classifiers.shufflenet,
        1_865_728,
        IMGCLSMOB,
        {'res2_4': (1, 240, 28, 28), 'res3_8': (1, 480, 14, 14), 'res4_4': (1, 960, 7, 7)},
        ('fc1000',),
        {'images': 2, 'size': 64},
        2,
    ),
    'FCN-8s': Published(
        dense.fcn8s,
        134_489_759,
        'YBIGTA/DL_Models',
        {
            'pool5': (1, 512, 22, 22),
            'upscore2': (1, 21, 34, 34),
            'upscore_pool4': (1, 21, 70, 70),
            'upscore8': (1, 21, 568, 568),
            'score': (1, 21, 500, 500),
        },
        small={'size': 48},
        keep='score',
    ),
    'SegNet': Published(
        dense.segnet,
        29_449_355,
        BY_HAND,
        {
            'pool4': (1, 512, 23, 30),
            'pool5_mask': (1, 512, 12, 15),
            'pool5_D': (1, 512, 23, 30),
            'conv1_1_D': (1, 11, 360, 480),
        },
        ('conv1_1_D',),
        {'images': 2, 'height': 45, 'width': 60},
    ),
    'PSPNet50': Published(
        dense.pspnet50,
        46_782_550,
        BY_HAND,
        {
            'conv5_3': (1, 2048, 60, 60),
            'conv5_3_pool6': (1, 2048, 6, 6),
            'conv5_3_concat': (1, 4096, 60, 60),
            'conv6_interp': (1, 150, 473, 473),
        },
        ('conv6_interp',),
        {'images': 2, 'size': 89},
    ),
    'Faster R-CNN VGG-16': Published(
        detectors.faster_rcnn_vgg16,
        137_078_239,
        BY_HAND,
        {
            'conv5_3': (1, 512, 38, 63),
            'rpn_cls_score_reshape': (1, 2, 342, 63),
            'pool5': (16, 512, 7, 7),
            'bbox_pred': (16, 84),
        },
        **REGIONS,
    ),
    'Faster R-CNN ZF': Published(
        detectors.faster_rcnn_zf,
        59_294_751,
        BY_HAND,
        {'conv5': (1, 256, 39, 64), 'rpn_bbox_pred': (1, 36, 39, 64), 'pool5': (16, 256, 6, 6)},
        **REGIONS,
    ),
    'SSD300': Published(
        detectors.ssd300,
        26_285_486,
        'the layer table of ssd.pytorch',
        {
            'conv4_3': (1, 512, 38, 38),
            'fc7': (1, 1024, 19, 19),
            'conv9_2': (1, 256, 1, 1),
            'mbox_loc': (1, 8732 * 4),
            'mbox_conf': (1, 8732 * 21),
            'mbox_priorbox': (1, 2, 8732 * 4),
        },
        ('mbox_loc', 'mbox_conf'),
        keep='mbox',
    ),
    'MTCNN P': Published(
        detectors.mtcnn_p,
        6_632,
        BY_HAND,
        {'conv4-1': (1, 2, 1, 1), 'conv4-2': (1, 4, 1, 1)},
        ('conv4-1', 'conv4-2'),
        {'images': 16},
        1,
    ),
    'MTCNN R': Published(
        detectors.mtcnn_r,
        100_178,
        BY_HAND,
        {'conv3': (1, 64, 3, 3), 'conv5-2': (1, 4)},
        ('conv5-1', 'conv5-2'),
        {'images': 8},
        1,
    ),
    'MTCNN O': Published(
        detectors.mtcnn_o,
        389_040,
        BY_HAND,
        {'conv4': (1, 128, 3, 3), 'conv6-3': (1, 10)},
        ('conv6-1', 'conv6-2', 'conv6-3'),
        {'images': 8},
        1,
    ),
}
# The first so many params of these learn; the others are statistics.
LEARNED = {'BatchNorm': 0, 'BN': 2}


def learned(net):
    return [param for layer in net.layers for param in layer.params[: LEARNED.get(layer.type)]]


@functools.cache
def full(name):
    return Net(NETS[name].build(), TEST)


def small(case):
    return classifiers.thin(case.build(**case.small), case.divisor, case.keep)


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
