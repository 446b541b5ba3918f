"""The layers for object detection against loops and against OpenCV.

test_boxes.py is about boxes, test_detection_messages.py about what is refused; what holds for every
layer (gradients, engines, ...) is tested over detection_cases.py.
"""

from fractions import Fraction
from math import ceil, floor, sqrt

import numpy as np
import pytest
from case import case, exactly, spread
from goodinit.netlib.engines import make_engine
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
            begin = away_from_zero(first * scale)
            size = Fraction(max(away_from_zero(last * scale) - begin + 1, 1), bins)
            sides.append(
                slice(
                    max(begin + floor(i * size), 0),
                    max(min(begin + ceil((i + 1) * size), extent), 0),
                )
            )
        y[(r, c, *at)] = max(x[(int(image), c, *sides)].reshape(-1), default=0)
    return y


def away_from_zero(v):
    """The nearest integer, halves rounded as C's round does."""
    return floor(abs(v) + 0.5) * (1 if v > 0 else -1)


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
    fields = f'pooled_h: {pooled[0]} pooled_w: {pooled[1]} spatial_scale: {scale}'
    y = top_of('ROIPooling', f'roi_pooling_param {{ {fields} }}', x=exactly(x), rois=exactly(rois))
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
    inside = w if weights else 1
    outside = v if weights > 1 else 1
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
    'min_size: 30 max_size: 60 min_size: 40 max_size: 90 aspect_ratio: 2 aspect_ratio: 3 step: 32 '
    'clip: false variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2'
)
GIVEN_PRIORS = (
    'width: 9.4 width: 25 width: 14.7 height: 15 height: 39.6 height: 25.5 step: 16 clip: true '
    'variance: 0.1'
)
ONE_PRIOR = 'min_size: 30 aspect_ratio: 2 flip: false variance: 0.1 clip: true offset: 0.25'


def boxes(rng):
    """30 boxes, and variances."""
    center = rng.uniform(0, 1, (30, 2))
    half = rng.uniform(0.1, 0.4, (30, 2))
    found = np.hstack([center - half, center + half])
    return np.stack([found, np.tile([0.1, 0.1, 0.2, 0.2], (30, 1))]).reshape(1, 2, 120)


REGIONS = np.column_stack(
    [RNG.integers(0, 2, 30), RNG.integers(0, 200, (30, 2)), RNG.integers(100, 600, (30, 2))]
)
OPENCV = [
    case(
        'ROIPooling',
        'roi_pooling_param { pooled_h: 7 pooled_w: 7 spatial_scale: 0.0625 }',
        x=(2, 3, 20, 30),
        rois=exactly(REGIONS),
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
            f'detection_output_param {{ {DETECT % (share, code_type)} clip: {clip} }}',
            id=f'{share} {code_type} {clip}',
            loc=spread(2, 120 * n),
            conf=spread(2, 120, low=0, high=1),
            priors=boxes,
        )
        for share, n in (('true', 1), ('false', 4))
        for code_type in ('CORNER', 'CENTER_SIZE')
        for clip in ('false', 'true')
    ),
]


@pytest.mark.parametrize('c', OPENCV, ids=lambda c: c.id)
def test_opencv_computes_the_same(c, tmp_path):
    cv2 = pytest.importorskip('cv2', reason="needs OpenCV 4: pip install 'goodinit[test]'")
    net = c.net(make_engine('reference'))
    model, weights = tmp_path / 'net.prototxt', tmp_path / 'net.caffemodel'
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
        theirs, ours = by_class(theirs[0, 0]), by_class(ours[0, 0])
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def by_class(rows):
    """Detections (image, class, score, box), by image and falling score."""
    return rows[np.lexsort((-rows[:, 2], rows[:, 0]))]
