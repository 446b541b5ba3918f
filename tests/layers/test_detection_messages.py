"""What the layers for object detection refuse, and the words for it."""

import numpy as np
import pytest
from case import case, exactly
from goodinit.netlib.errors import LayerError

POOL = 'roi_pooling_param { pooled_h: 1 pooled_w: 1 }'
X, R = (1, 1, 2, 2), (1, 5)
REFUSED = [
    (
        case('ROIPooling', 'roi_pooling_param { pooled_h: 1 }', x=X, rois=R),
        'pooled_w must be > 0',
    ),
    (
        case('ROIPooling', 'roi_pooling_param { spatial_scale: inf }', x=X, rois=R),
        'spatial_scale: found inf, needed: a',
    ),
    (
        case('ROIPooling', POOL, x=X, rois=(1, 4)),
        r"needs .* and regions \(R, 5\): 'x' has 1 1 2 2 .4., 'rois' 1 4 .4.",
    ),
    (
        case('ROIPooling', POOL, x=X, rois=exactly([[0] * 5, [1, 0, 0, 1, 1]])),
        r"row 1 of 'rois': found \[1.0, .*\], needed: the index of one of 1 images",
    ),
    (
        case('ROIPooling', POOL, x=X, rois=exactly([[0, 0, np.nan, 1, 1]])),
        'found .*nan.*, needed: .* and finite x1',
    ),
    (case('SmoothL1Loss', 'smooth_l1_loss_param { sigma: 0 }', a=X, b=X), 'sigma: found 0'),
    (
        case('SmoothL1Loss', a=(2, 4), b=(2, 2, 2)),
        r"all bottoms must have the same shape: 'a' has 2 4 \(8\), 'b' has 2 2 2",
    ),
    (case('SmoothL1Loss', a=(2, 4), b=(3, 4)), 'should have the same first dimension'),
    (case('Permute', 'permute_param { order: 4 }', x=X), r'axis 4 out of range for 4-D Blob'),
    (
        case('Permute', 'permute_param { order: 1 order: 1 }', x=X),
        r'order: there are duplicate orders: \[1, 1\]',
    ),
    (case('Normalize', x=(3,)), r"Number of axes of bottom blob must be >=2: 'x' has 3 \(3\)"),
    (
        case('PriorBox', 'prior_box_param { min_size: 4 }', x=(1, 2), data=X),
        'needs maps and images .*: .x. has 1 2',
    ),
]
NEITHER_OR_BOTH = (
    'width and height need as many positive numbers each, instead of min_size: found width'
)
PRIOR_BOX = [
    ('', 'must provide min_size'),
    ('min_size: 0', r'min_size must be positive: found \[0.0\]'),
    (
        'min_size: 4 max_size: 4',
        'max_size must be greater than min_size, .* max_size .4.0., min_size .4.0.',
    ),
    ('min_size: 4 max_size: 5 max_size: 6', 'max_size .*, and there must be as many'),
    ('min_size: 4 aspect_ratio: -1', r'aspect_ratio: found \[-1.0\], needed: positive numbers'),
    (
        'min_size: 4 variance: 1 variance: 2',
        r'variance: found \[1.0, 2.0\], needed: 1 or 4 positive numbers',
    ),
    ('min_size: 4 variance: 0', 'variance: found .0.0., needed'),
    (
        'min_size: 4 img_size: 3 img_h: 3',
        'Either img_size or img_h/img_w should be specified; not both',
    ),
    (
        'min_size: 4 step_h: 3',
        r'step_h should be larger than 0, for height and width: found \[3.0, 0.0\]',
    ),
    ('width: 3', NEITHER_OR_BOTH),
    ('width: 3 height: -3', NEITHER_OR_BOTH),
    ('min_size: 4 width: 3 height: 3', NEITHER_OR_BOTH),
    (
        'min_size: 4 img_size: 0',
        r'img_size should be larger than 0, for height and width: found \[0, 0\]',
    ),
]
# Of two classes where the fields do not say so; shapes of locations, scores and priors.
DETECTION_OUTPUT = [
    (
        'nms_param { nms_threshold: -1 }',
        (1, 8),
        (1, 4),
        (1, 2, 8),
        'must be non negative: found -1',
    ),
    (
        'nms_param { eta: 1.5 }',
        (1, 8),
        (1, 4),
        (1, 2, 8),
        'eta: found 1.5, needed a number above 0',
    ),
    ('visualize: true', (1, 8), (1, 4), (1, 2, 8), 'visualize: drawing is not supported'),
    (
        'save_output_param { output_directory: "x" }',
        (1, 8),
        (1, 4),
        (1, 2, 8),
        'save_output_param: writing files is not supported',
    ),
    ('', (1, 8), (1, 4), (2, 8), r"priors must be \(1, 2, 4 P\): 'priors' has 2 8"),
    (
        '',
        (1, 8),
        (2, 4),
        (1, 2, 8),
        "'loc' 1 8 .8. and 'conf' 2 4 .8. must be for the same number of images",
    ),
    (
        '',
        (1, 9),
        (1, 4),
        (1, 2, 8),
        "number of location predictions: 2 priors need 8, 'loc' has 1 9",
    ),
    (
        '',
        (1, 8),
        (1, 5),
        (1, 2, 8),
        'match number of confidence predictions: 2 priors need 4',
    ),
]


def refuse(layer, message):
    with pytest.raises(LayerError, match=message):
        layer.net('reference').forward()


@pytest.mark.parametrize('layer, message', REFUSED)
def test_what_is_refused(layer, message):
    refuse(layer, message)


@pytest.mark.parametrize('fields, message', PRIOR_BOX)
def test_what_prior_box_refuses(fields, message):
    refuse(case('PriorBox', f'prior_box_param {{ {fields} }}', x=X, data=X), message)


@pytest.mark.parametrize('fields, loc, conf, priors, message', DETECTION_OUTPUT)
def test_what_detection_output_refuses(fields, loc, conf, priors, message):
    param = f'detection_output_param {{ num_classes: 2 {fields} }}'
    refuse(case('DetectionOutput', param, loc=loc, conf=conf, priors=priors), message)


def test_detection_output_needs_classes():
    layer = case('DetectionOutput', loc=(1, 8), conf=(1, 4), priors=(1, 2, 8))
    refuse(layer, 'Must specify num_classes')


def test_normalize_refuses_other_channels():
    net = case('Normalize', 'norm_param { channel_shared: false }', x=(1, 3, 2)).net('reference')
    net.blobs['x'].reshape(1, 4, 2)
    with pytest.raises(
        LayerError, match=r"bottom 'x' of shape 1 4 2 \(8\) needs 3 channels in axis 1"
    ):
        net.forward()


def test_detections_have_no_gradient():
    param = 'detection_output_param { num_classes: 2 }'
    net = case('DetectionOutput', param, loc=(1, 4), conf=(1, 2), priors=(1, 2, 4)).net('reference')
    net.forward()
    with pytest.raises(LayerError, match='Not Implemented Yet: DetectionOutput has no gradient'):
        net.layers[-1].backward(net.tops[-1], [True, False, False], net.bottoms[-1])
