"""The nets that were published from 2015 to 2018: how each is built, and its published size."""

from collections.abc import Callable
from dataclasses import dataclass, field

import published_dense_nets as dense
import published_detectors as detectors
import published_nets as classifiers
from goodinit.proto.caffe_pb2 import NetParameter
from published_inception import inception_v3


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
        inception_v3,
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


def small(case: Published) -> NetParameter:
    """The thin net of a case, which runs in little time."""
    return classifiers.thin(case.build(**case.small), case.divisor, case.keep)
