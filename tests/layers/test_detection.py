"""The layers for object detection against loops and against OpenCV, and what they refuse.

test_boxes.py is about boxes; what holds for every layer (gradients, engines, ...) is tested over
detection_cases.py.
"""

from fractions import Fraction
from math import ceil, floor, sqrt

import numpy as np
import pytest
from case import case, exactly, spread
from goodinit.netlib.engines import make_engine
from goodinit.netlib.errors import LayerError
from goodinit.proto import write_text
from goodinit.proto.caffe_pb2 import NetParameter

RNG = np.random.default_rng(2)


def net_of(type, fields='', engine=None, **bottoms):
    return case(type, fields, **bottoms).net(engine or make_engine('reference', dtype=np.float64))


def top_of(*arguments, **bottoms):
    """The layer's first top after a forward pass."""
    net = net_of(*arguments, **bottoms)
    net.forward()
    return net.tops[-1][0].data


# -- ROIPooling


def roi_pool(x, rois, pooled, scale):
    """Each number by itself, in exact fractions."""
    y = np.zeros((len(rois), x.shape[1], *pooled))
    for r, c, *at in np.ndindex(y.shape):
        image, left, top, right, bottom = rois[r]
        sides = []
        for first, last, bins, i, extent in zip(
            (top, left), (bottom, right), pooled, at, x.shape[2:], strict=True
        ):
            first, last = (
                floor(abs(v * scale) + 0.5) * (1 if v > 0 else -1) for v in (first, last)
            )
            size = Fraction(max(last - first + 1, 1), bins)
            sides.append(
                slice(
                    max(first + floor(i * size), 0),
                    max(min(first + ceil((i + 1) * size), extent), 0),
                )
            )
        y[(r, c, *at)] = max(x[(int(image), c, *sides)].reshape(-1), default=0)
    return y


# Regions of the test file of caffe-fast-rcnn's layer, for maps (4, 3, 12, 8).
PUBLISHED_ROIS = [[0, 1, 1, 6, 6], [2, 6, 2, 7, 11], [1, 3, 1, 5, 10], [0, 3, 3, 3, 3]]


@pytest.mark.parametrize(
    'rois, pooled, scale',
    [
        (PUBLISHED_ROIS, (6, 6), 1),
        ([[3, 8, 24, 40, 72], [1, 7, 9, 23, 25], [2, -60, -24, 39, 40]], (7, 7), 0.0625),
        (np.column_stack([RNG.integers(0, 4, 40), RNG.integers(-30, 120, (40, 4))]), (3, 5), 0.125),
    ],
)
def test_regions_are_pooled(rois, pooled, scale):
    x = RNG.standard_normal((4, 3, 12, 8))
    fields = f'roi_pooling_param {{ pooled_h: {pooled[0]} pooled_w: {pooled[1]} spatial_scale: {scale} }}'
    y = top_of('ROIPooling', fields, x=exactly(x), rois=exactly(rois))
    np.testing.assert_array_equal(y, roi_pool(x, rois, pooled, scale))


def test_regions_by_hand():
    x = np.arange(16).reshape(1, 1, 4, 4)
    y = top_of(
        'ROIPooling',
        'roi_pooling_param { pooled_h: 2 pooled_w: 2 spatial_scale: 0.5 }',
        x=exactly(x),
        rois=exactly([[0, 0, 0, 4, 4], [0, 1, 1, 1, 1], [0, 7, 7, 1, 1], [0, 20, 0, 30, 4]]),
    )
    assert y.tolist() == [
        [[[5, 6], [9, 10]]],
        [[[5, 5], [5, 5]]],
        [[[0, 0], [0, 0]]],
        [[[0, 0], [0, 0]]],
    ]


def test_a_region_gets_no_gradient():
    net = net_of(
        'ROIPooling',
        'roi_pooling_param { pooled_h: 1 pooled_w: 1 }',
        x=(1, 1, 2, 2),
        rois=exactly([[0, 0, 0, 1, 1]]),
    )
    net.forward()
    net.bottoms[-1][1].diff = 7
    net.layers[-1].backward(net.tops[-1], [False, True], net.bottoms[-1])
    assert not net.bottoms[-1][1].diff.any()


# -- SmoothL1Loss


@pytest.mark.parametrize('weights', range(3))
@pytest.mark.parametrize('sigma', [1, 0.5, 3])
def test_smooth_l1(sigma, weights):
    a, b, w, v = RNG.standard_normal((4, 5, 3))
    inside, outside = (w if weights else 1), (v if weights > 1 else 1)
    d = inside * (a - b)
    loss = np.where(abs(d) < 1 / sigma**2, (sigma * d) ** 2 / 2, abs(d) - 0.5 / sigma**2)
    bottoms = dict(
        zip(('a', 'b', 'w', 'v')[: 2 + weights], map(exactly, (a, b, w, v)), strict=False)
    )
    ours = top_of('SmoothL1Loss', f'smooth_l1_loss_param {{ sigma: {sigma} }}', **bottoms)
    np.testing.assert_allclose(ours, (outside * loss).sum() / 5)


def test_weights_of_smooth_l1_get_no_gradient():
    net = net_of('SmoothL1Loss', a=(2, 3), b=(2, 3), w=(2, 3), v=(2, 3))
    net.forward()
    for blob in net.bottoms[-1]:
        blob.diff = 7
    net.layers[-1].backward(net.tops[-1], [True] * 4, net.bottoms[-1])
    a, b, *weights = (blob.diff for blob in net.bottoms[-1])
    np.testing.assert_array_equal(a, -b)
    assert a.any() and not np.any(weights)


# -- Permute, Normalize


@pytest.mark.parametrize(
    'order, full', [((0, 2, 3, 1), (0, 2, 3, 1)), ((3, 1), (3, 1, 0, 2)), ((2,), (2, 0, 1, 3))]
)
def test_permute(order, full):
    x = RNG.standard_normal((2, 3, 4, 5))
    fields = f'permute_param {{ {" ".join(f"order: {axis}" for axis in order)} }}'
    np.testing.assert_array_equal(top_of('Permute', fields, x=exactly(x)), x.transpose(full))


@pytest.mark.parametrize('across', [False, True])
@pytest.mark.parametrize('shared', [False, True])
def test_normalize(across, shared):
    fields = f'across_spatial: {across} channel_shared: {shared}'.lower()
    net = net_of(
        'Normalize',
        f'norm_param {{ {fields} scale_filler {{ value: 20 }} eps: 0.1 }}',
        x=(2, 3, 4, 5),
    )
    x, scale = net.bottoms[-1][0].data, net.layers[-1].params[0]
    assert scale.shape == (() if shared else (3,)) and scale.filler.value == 20
    net.forward()
    for n, c, i, j in np.ndindex(x.shape):
        seen = x[n] if across else x[n, :, i, j]
        expected = (
            x[n, c, i, j] / sqrt((seen**2).sum() + 0.1) * (scale.data if shared else scale.data[c])
        )
        np.testing.assert_allclose(net.tops[-1][0].data[n, c, i, j], expected)


# -- OpenCV

# OpenCV has no defaults for some of the fields.
DETECT = (
    'num_classes: 4 background_label_id: 0 share_location: %s code_type: %s keep_top_k: 20 '
    'nms_param { nms_threshold: 0.45 top_k: 25 } confidence_threshold: 0.2'
)
PRIORS = (
    'min_size: 30 max_size: 60 min_size: 40 max_size: 90 aspect_ratio: 2 aspect_ratio: 3 step: 32 clip: false '
    'variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2'
)
GIVEN_PRIORS = 'width: 9.4 width: 25 width: 14.7 height: 15 height: 39.6 height: 25.5 step: 16 clip: true variance: 0.1'
ONE_PRIOR = 'min_size: 30 aspect_ratio: 2 flip: false variance: 0.1 clip: true offset: 0.25'


def boxes(rng):
    """30 boxes, and variances."""
    centre, half = rng.uniform(0, 1, (30, 2)), rng.uniform(0.1, 0.4, (30, 2))
    found = np.hstack([centre - half, centre + half])
    return np.stack([found, np.tile([0.1, 0.1, 0.2, 0.2], (30, 1))]).reshape(1, 2, 120)


OPENCV = [
    case(
        'ROIPooling',
        'roi_pooling_param { pooled_h: 7 pooled_w: 7 spatial_scale: 0.0625 }',
        x=(2, 3, 20, 30),
        rois=exactly(
            np.column_stack(
                [
                    RNG.integers(0, 2, 30),
                    RNG.integers(0, 200, (30, 2)),
                    RNG.integers(100, 600, (30, 2)),
                ]
            )
        ),
    ),
    case('Permute', 'permute_param { order: 0 order: 2 order: 3 order: 1 }', x=(2, 3, 4, 5)),
    case('Normalize', 'norm_param { across_spatial: false channel_shared: false }', x=(2, 3, 4, 5)),
    case('PriorBox', f'prior_box_param {{ {PRIORS} }}', x=(1, 2, 3, 4), data=(1, 3, 100, 130)),
    case(
        'PriorBox',
        f'prior_box_param {{ {ONE_PRIOR} }}',
        id='one',
        x=(1, 2, 3, 4),
        data=(1, 3, 100, 130),
    ),
    case(
        'PriorBox',
        f'prior_box_param {{ {GIVEN_PRIORS} }}',
        id='given',
        x=(1, 2, 3, 4),
        data=(1, 3, 40, 60),
    ),
    *(
        case(
            'DetectionOutput',
            f'detection_output_param {{ {DETECT % (share, code_type)} }}',
            id=f'{share} {code_type}',
            loc=spread(2, 120 * n),
            conf=spread(2, 120, low=0, high=1),
            priors=boxes,
        )
        for share, n in (('true', 1), ('false', 4))
        for code_type in ('CORNER', 'CENTER_SIZE')
    ),
]


@pytest.mark.parametrize('c', OPENCV, ids=lambda c: c.id)
def test_opencv_computes_the_same(c, tmp_path):
    cv2 = pytest.importorskip('cv2', reason="needs OpenCV 4: pip install 'goodinit[test]'")
    net, model, weights = (
        c.net(make_engine('reference')),
        tmp_path / 'net.prototxt',
        tmp_path / 'net.caffemodel',
    )
    net.forward()
    net.save(weights)
    param = NetParameter(input=c.bottoms, layer=[net.layers[-1].param])
    for blob in net.bottoms[-1]:
        param.input_shape.add(dim=blob.shape)
    write_text(param, model)
    imported = cv2.dnn.readNetFromCaffe(str(model), str(weights))
    for blob in net.bottoms[-1]:
        imported.setInput(blob.data, blob.name)
    theirs, ours = imported.forward(), net.tops[-1][0].data
    assert theirs.shape == ours.shape
    if c.type == 'DetectionOutput':  # OpenCV's are not sorted by class
        theirs, ours = (
            rows[0, 0][np.lexsort((-rows[0, 0, :, 2], rows[0, 0, :, 0]))] for rows in (theirs, ours)
        )
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


# -- errors

POOL, SIZES, DETECTIONS = (
    'roi_pooling_param { pooled_h: 1 pooled_w: 1 }',
    'min_size: 4 %s',
    'num_classes: 2 %s',
)
X, R = (1, 1, 2, 2), (1, 5)


@pytest.mark.parametrize(
    'c, message',
    [
        (
            case('ROIPooling', 'roi_pooling_param { pooled_h: 1 }', x=X, rois=R),
            'pooled_w must be > 0',
        ),
        (
            case('ROIPooling', 'roi_pooling_param { spatial_scale: inf }', x=X, rois=R),
            'spatial_scale: found inf, needed a',
        ),
        (
            case('ROIPooling', POOL, x=X, rois=(1, 4)),
            r"needs .* and regions \(R, 5\): 'x' has 1 1 2 2 .4., 'rois' 1 4 .4.",
        ),
        (
            case('ROIPooling', POOL, x=X, rois=exactly([[0] * 5, [1, 0, 0, 1, 1]])),
            r"row 1 of 'rois': found \[1.0, .*\], needed the number of one of 1 images",
        ),
        (
            case('ROIPooling', POOL, x=X, rois=exactly([[0, 0, np.nan, 1, 1]])),
            'found .*nan.*, needed .* and finite x1',
        ),
        (case('SmoothL1Loss', 'smooth_l1_loss_param { sigma: 0 }', a=X, b=X), 'sigma: found 0'),
        (
            case('SmoothL1Loss', a=(2, 4), b=(2, 2, 2)),
            r"all bottoms must have one shape: 'a' has 2 4 \(8\), 'b' has 2 2 2",
        ),
        (case('SmoothL1Loss', a=(2, 4), b=(3, 4)), 'should have the same first dimension'),
        (case('Permute', 'permute_param { order: 4 }', x=X), r'axis 4 out of range for 4-D Blob'),
        (
            case('Permute', 'permute_param { order: 1 order: 1 }', x=X),
            r'order: there are duplicate orders: \[1, 1\]',
        ),
        (case('Normalize', x=(3,)), r"Number of axes of bottom blob must be >=2: 'x' has 3 \(3\)"),
        *(
            (case('PriorBox', f'prior_box_param {{ {fields} }}', x=X, data=X), message)
            for fields, message in [
                ('', 'must provide min_size'),
                ('min_size: 0', r'min_size must be positive: found \[0.0\]'),
                (
                    SIZES % 'max_size: 4',
                    'max_size must be greater than min_size, .* max_size .4.0., min_size .4.0.',
                ),
                (SIZES % 'max_size: 5 max_size: 6', 'max_size .*, and there must be as many'),
                (
                    SIZES % 'aspect_ratio: -1',
                    r'aspect_ratio: found \[-1.0\], needed positive numbers',
                ),
                (
                    SIZES % 'variance: 1 variance: 2',
                    r'variance: found \[1.0, 2.0\], needed one or 4 positive numbers',
                ),
                (SIZES % 'variance: 0', 'variance: found .0.0., needed'),
                (
                    SIZES % 'img_size: 3 img_h: 3',
                    'Either img_size or img_h/img_w should be specified; not both',
                ),
                (
                    SIZES % 'step_h: 3',
                    r'step_h should be larger than 0, for height and width: found \[3.0, 0.0\]',
                ),
                *(
                    (
                        fields,
                        'width and height must be positive numbers, as many of each, in place of '
                        'min_size: found width',
                    )
                    for fields in ('width: 3', 'width: 3 height: -3', SIZES % 'width: 3 height: 3')
                ),
                (
                    SIZES % 'img_size: 0',
                    r'img_size should be larger than 0, for height and width: found \[0, 0\]',
                ),
            ]
        ),
        (
            case('PriorBox', 'prior_box_param { min_size: 4 }', x=(1, 2), data=X),
            'needs maps and images .*: .x. has 1 2',
        ),
        *(
            (
                case(
                    'DetectionOutput',
                    f'detection_output_param {{ {fields} }}',
                    loc=loc,
                    conf=conf,
                    priors=priors,
                ),
                message,
            )
            for fields, loc, conf, priors, message in [
                ('', (1, 8), (1, 4), (1, 2, 8), 'Must specify num_classes'),
                (
                    DETECTIONS % 'nms_param { nms_threshold: -1 }',
                    (1, 8),
                    (1, 4),
                    (1, 2, 8),
                    'must be non negative: found -1',
                ),
                (
                    DETECTIONS % 'nms_param { eta: 1.5 }',
                    (1, 8),
                    (1, 4),
                    (1, 2, 8),
                    'eta: found 1.5, needed a number above 0',
                ),
                (
                    DETECTIONS % 'visualize: true',
                    (1, 8),
                    (1, 4),
                    (1, 2, 8),
                    'visualize: drawing is not done here',
                ),
                (
                    DETECTIONS % 'save_output_param { output_directory: "x" }',
                    (1, 8),
                    (1, 4),
                    (1, 2, 8),
                    'save_output_param: writing files is not done here',
                ),
                (
                    DETECTIONS % '',
                    (1, 8),
                    (1, 4),
                    (2, 8),
                    r"priors must be \(1, 2, 4 P\): 'priors' has 2 8",
                ),
                (
                    DETECTIONS % '',
                    (1, 8),
                    (2, 4),
                    (1, 2, 8),
                    "'loc' 1 8 .8. and 'conf' 2 4 .8. must be of the same number of images",
                ),
                (
                    DETECTIONS % '',
                    (1, 9),
                    (1, 4),
                    (1, 2, 8),
                    "number of location predictions: 2 priors need 8, 'loc' has 1 9",
                ),
                (
                    DETECTIONS % '',
                    (1, 8),
                    (1, 5),
                    (1, 2, 8),
                    'match number of confidence predictions: 2 priors need 4',
                ),
            ]
        ),
    ],
)
def test_what_is_refused(c, message):
    with pytest.raises(LayerError, match=message):
        c.net(make_engine('reference')).forward()


def test_normalize_refuses_other_channels():
    net = net_of('Normalize', 'norm_param { channel_shared: false }', x=(1, 3, 2))
    net.blobs['x'].reshape(1, 4, 2)
    with pytest.raises(
        LayerError, match=r"bottom 'x' of shape 1 4 2 \(8\) needs 3 channels in axis 1"
    ):
        net.forward()


def test_detections_have_no_gradient():
    net = net_of(
        'DetectionOutput',
        'detection_output_param { num_classes: 2 }',
        loc=(1, 4),
        conf=(1, 2),
        priors=(1, 2, 4),
    )
    net.forward()
    with pytest.raises(LayerError, match='Not Implemented Yet: DetectionOutput has no gradient'):
        net.layers[-1].backward(net.tops[-1], [True, False, False], net.bottoms[-1])
