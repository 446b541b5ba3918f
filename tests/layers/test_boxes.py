"""Boxes, PriorBox and DetectionOutput against loops, and against numbers that the tests of SSD's
fork publish."""

from math import sqrt

import numpy as np
import pytest
from case import case, exactly
from goodinit.netlib.engines import make_engine
from goodinit.netlib.layers.host.shared.boxes import decode, nms, overlaps
from goodinit.proto.caffe_pb2 import PriorBoxParameter

RNG = np.random.default_rng(2)


def top_of(type, fields, **bottoms):
    """The layer's top after a forward pass."""
    net = case(type, fields, **bottoms).net(make_engine('reference', dtype=np.float64))
    net.forward()
    return net.tops[-1][0].data


# -- PriorBox

MAP, IMAGE = (10, 10, 10, 10), (10, 3, 100, 100)
CENTRE, ROOT = 0.05, sqrt(2)  # of the first place


# From the test file of SSD's layer (but for the last: sizes are truncated): of maps 10 x 10 and an
# image 100 x 100, the half widths and heights of the boxes around each place.
@pytest.mark.parametrize(
    'fields, halves',
    [
        ('min_size: 4 max_size: 9', [(0.02, 0.02), (0.03, 0.03)]),
        ('min_size: 4', [(0.02, 0.02)]),
        (
            'min_size: 4 max_size: 9 aspect_ratio: 2 flip: false',
            [(0.02, 0.02), (0.03, 0.03), (0.02 * ROOT, 0.01 * ROOT)],
        ),
        (
            'min_size: 4 max_size: 9 aspect_ratio: 2 aspect_ratio: 1 aspect_ratio: 2',
            [(0.02, 0.02), (0.03, 0.03), (0.02 * ROOT, 0.01 * ROOT), (0.01 * ROOT, 0.02 * ROOT)],
        ),
        (
            'min_size: 4.9 max_size: 9.1 min_size: 6 max_size: 24',
            [(0.02, 0.02), (0.03, 0.03), (0.03, 0.03), (0.06, 0.06)],
        ),
    ],
)
@pytest.mark.parametrize('variance', [[], [1], [0.1, 0.2, 0.3, 0.4]])
def test_published_prior_boxes(fields, halves, variance):
    given = ' '.join(f'variance: {v}' for v in variance)
    boxes, variances = top_of(
        'PriorBox', f'prior_box_param {{ {fields} {given} }}', x=MAP, data=IMAGE
    )[0]
    boxes = boxes.reshape(10, 10, len(halves), 4)
    for box, (width, height) in zip(boxes[0, 0], halves, strict=True):
        np.testing.assert_allclose(
            box, [CENTRE - width, CENTRE - height, CENTRE + width, CENTRE + height]
        )
    for i, j in np.ndindex(10, 10):
        np.testing.assert_allclose(boxes[i, j], boxes[0, 0] + 0.1 * np.array([j, i, j, i]))
    np.testing.assert_allclose(variances, np.resize(variance or [0.1], len(variances)), rtol=1e-7)


@pytest.mark.parametrize(
    'fields, box',
    [
        ('', [0.5, 0.35, 1, 1.15]),  # centre (60, 37.5)
        ('img_w: 160 img_h: 100', [0.625, 0.55, 0.875, 0.95]),  # (120, 75) of 160 x 100
        ('img_size: 200', [0.65, 0.65, 0.85, 0.85]),  # (150, 150)
        ('step: 10', [-0.0625, -0.1, 0.4375, 0.7]),  # (15, 15)
        ('step_h: 10 step_w: 20 offset: 0 clip: true', [0, 0, 0.5, 0.6]),  # (20, 10)
    ],
)
def test_where_prior_boxes_stand(fields, box):
    """The last of 2 x 2 places, with a box of 40 x 40; the image is 80 wide and 50 high."""
    top = top_of(
        'PriorBox',
        f'prior_box_param {{ min_size: 40 {fields} }}',
        x=(1, 1, 2, 2),
        data=(1, 3, 50, 80),
    )
    np.testing.assert_allclose(top[0, 0, -4:], box)


# -- boxes: numbers of the test file of SSD's bbox_util

PRIOR, BOX = np.array([0.1, 0.1, 0.3, 0.3]), [0, 0.2, 0.4, 0.5]


@pytest.mark.parametrize(
    'code_type, codes',
    [
        (PriorBoxParameter.CORNER, [-0.1, 0.1, 0.1, 0.2]),
        (PriorBoxParameter.CENTER_SIZE, [0, 0.75, np.log(2), np.log(1.5)]),
        (PriorBoxParameter.CORNER_SIZE, [-0.5, 0.5, 0.5, 1]),
    ],
)
def test_decode(code_type, codes):
    np.testing.assert_allclose(decode(np.array(codes), PRIOR, code_type), BOX, atol=1e-15)
    np.testing.assert_allclose(
        decode(np.array([[codes], [codes]]), PRIOR[None], code_type), [[BOX], [BOX]], atol=1e-15
    )


@pytest.mark.parametrize(
    'box, expected',
    [
        ([0.1, 0.1, 0.3, 0.4], 1 / 7),
        ([0.1, 0.1, 0.4, 0.6], 2 / 15),
        ([0, 0, 0.1, 0.1], 0),
        ([0.2, 0.3, 0.3, 0.5], 1),
        ([0.3, 0.5, 0.2, 0.3], 0),
        ([0.3, 0.1, 0.4, 0.6], 0),
    ],
)
def test_overlaps(box, expected):
    ours = overlaps(np.array([0.2, 0.3, 0.3, 0.5]), np.array([box, box]))
    np.testing.assert_allclose(ours, [expected] * 2)


def overlap(a, b):
    width, height = (min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1))
    shared = max(width, 0) * max(height, 0)
    return shared and shared / (
        sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - shared
    )


def random_boxes(n):
    centre, half = RNG.uniform(0, 1, (n, 2)), RNG.uniform(0.1, 0.4, (n, 2))
    return np.hstack([centre - half, centre + half])


@pytest.mark.parametrize(
    'threshold, eta, top_k',
    [
        (0.3, 1, -1),
        (0.5, 0.9, -1),
        (0.8, 0.9, -1),
        (0.6, 1, 20),
        (0, 1, 5),
        (0.45, 1, 0),
    ],
)
def test_nms(threshold, eta, top_k):
    boxes, scores = random_boxes(60), RNG.integers(0, 20, 60) / 20  # with ties
    ours, kept = nms(boxes, scores, threshold, eta, top_k), []
    order = sorted(range(60), key=lambda i: (-scores[i], i))
    for i in order if top_k < 0 else order[:top_k]:
        if all(overlap(boxes[i], boxes[k]) <= threshold for k in kept):
            kept.append(i)
            if eta < 1 and threshold > 0.5:
                threshold *= eta
    assert ours.tolist() == kept


# -- DetectionOutput: the test file of SSD's layer


def published(share, fields):
    """Its 2 images, 4 priors and 2 classes."""
    centres = [((w + 0.5) / 2, (h + 0.5) / 2) for h in range(2) for w in range(2)]
    priors = [(x - 0.15, y - 0.15, x + 0.15, y + 0.15) for x, y in centres]
    signs = [(1 - 2 * w, 1 - 2 * h) * 2 for h in range(2) for w in range(2)]
    loc = [
        [[np.multiply(sign, i + c / 2 + 0.5) for c in range(1 if share else 2)] for sign in signs]
        for i in range(2)
    ]
    conf = [
        [[0.2 * j if i == c else 1 - 0.2 * j for c in range(2)] for j in range(4)] for i in range(2)
    ]
    fields = f'num_classes: 2 share_location: {str(share).lower()} {fields}'
    return top_of(
        'DetectionOutput',
        f'detection_output_param {{ {fields} }}',
        loc=exactly(np.reshape(loc, (2, -1))),
        conf=exactly(np.reshape(conf, (2, -1))),
        priors=exactly([[np.reshape(priors, -1), [0.1] * 16]]),
    )


SHARED = [
    '0 1 1.0 0.15 0.15 0.45 0.45',
    '0 1 0.8 0.55 0.15 0.85 0.45',
    '0 1 0.6 0.15 0.55 0.45 0.85',
    '0 1 0.4 0.55 0.55 0.85 0.85',
    '1 1 0.6 0.45 0.45 0.75 0.75',
    '1 1 0.0 0.25 0.25 0.55 0.55',
]
OWN = [
    '0 0 0.6 0.55 0.55 0.85 0.85',
    '0 0 0.4 0.15 0.55 0.45 0.85',
    '0 0 0.2 0.55 0.15 0.85 0.45',
    '0 0 0.0 0.15 0.15 0.45 0.45',
    '0 1 1.0 0.20 0.20 0.50 0.50',
    '0 1 0.8 0.50 0.20 0.80 0.50',
    '0 1 0.6 0.20 0.50 0.50 0.80',
    '0 1 0.4 0.50 0.50 0.80 0.80',
    '1 0 1.0 0.25 0.25 0.55 0.55',
    '1 0 0.4 0.45 0.45 0.75 0.75',
    '1 1 0.6 0.40 0.40 0.70 0.70',
]


@pytest.mark.parametrize(
    'share, fields, suppression, rows',
    [
        (True, '', '', SHARED),
        (True, '', 'top_k: 2', [SHARED[i] for i in (0, 1, 4)]),
        (False, 'background_label_id: -1', '', OWN),
        (False, 'background_label_id: -1', 'top_k: 2', [OWN[i] for i in (0, 1, 4, 5, 8, 10)]),
        (False, '', '', [row for row in OWN if row[2] == '1']),
        (False, '', 'top_k: 2', [OWN[i] for i in (4, 5, 10)]),
        (True, 'save_output_param { label_map_file: "labelmap_voc.prototxt" }', '', SHARED),
        # not in that file: what confidence_threshold and keep_top_k leave of the same
        (True, 'confidence_threshold: 0.5', '', [SHARED[i] for i in (0, 1, 2, 4)]),
        (False, 'background_label_id: -1 keep_top_k: 3', '', [OWN[i] for i in (0, 4, 5, 8, 9, 10)]),
        (True, 'confidence_threshold: 2', '', ['0 -1 -1 -1 -1 -1 -1', '1 -1 -1 -1 -1 -1 -1']),
    ],
)
def test_published_detections(share, fields, suppression, rows):
    ours = published(share, f'{fields} nms_param {{ nms_threshold: 0.1 {suppression} }}')
    expected = np.array([list(map(float, row.split())) for row in rows])
    assert ours.shape == (1, 1, *expected.shape)
    np.testing.assert_allclose(ours[0, 0], expected, atol=1e-6)
