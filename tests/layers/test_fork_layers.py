"""Layers of forks against loops over single numbers, and what they refuse."""

import math

import numpy as np
import pytest
from case import case, exactly, input_text, spread
from goodinit.netlib import Net
from goodinit.netlib.errors import GoodinitError
from goodinit.netlib.layers.host.proposal import anchors
from goodinit.proto import parse_net


def forward(case):
    net = case.net('reference')
    net.forward()
    return net, [top.data for top in net.tops[-1]]


@pytest.mark.parametrize('reverse', ['false', 'true'])
def test_reorg_is_darknet_s(reverse):
    """Darknet's loops; without `reverse` its in and out swap their roles."""
    C, H, W, s = 8, 2, 4, 2
    c = case('Reorg', f'reorg_param {{ stride: 2 reverse: {reverse} }}', x=(1, C, H, W))
    net, (y,) = forward(c)
    x, expected = net.blobs['x'].data.reshape(-1), np.empty(C * H * W)
    out_c = C // s**2
    for k in range(C):
        for j in range(H):
            for i in range(W):
                offset = k // out_c
                column, row = i * s + offset % s, j * s + offset // s
                large = column + W * s * (row + H * s * (k % out_c))
                small = i + W * (j + H * k)
                if reverse == 'true':
                    expected[large] = x[small]
                else:
                    expected[small] = x[large]
    np.testing.assert_array_equal(y.reshape(-1), expected)
    assert y.shape == ((1, 2, 4, 8) if reverse == 'true' else (1, 32, 1, 2))


def test_rrelu_draws_its_slopes():
    x = exactly(-np.ones((100, 100)))
    train = case('RReLU', 'rrelu_param { lb: 2 ub: 5 }', train=True, x=x)
    divisors = -1 / forward(train)[1][0]
    assert 2 <= divisors.min() < 2.01 and 4.99 < divisors.max() <= 5
    assert abs(divisors.mean() - 3.5) < 0.05
    test = case('RReLU', 'rrelu_param { negative_slope_lower: 2 negative_slope_upper: 6 }', x=x)
    np.testing.assert_allclose(forward(test)[1][0], -0.25)


def test_centers_move_by_their_rule():
    c = case(
        'CenterLoss',
        'center_loss_param { num_output: 3 }',
        x=(4, 2),
        label=exactly([2, 0, 2, 2]),
    )
    net, (loss,) = forward(c)
    x, centers = net.blobs['x'].data, net.layers[-1].params[0]
    far = x - centers.data[[2, 0, 2, 2]]
    np.testing.assert_allclose(loss, (far**2).sum() / 8, rtol=1e-6)
    net.tops[-1][0].diff = 0.25
    net.layers[-1].backward(net.tops[-1], [True, False], net.bottoms[-1])
    np.testing.assert_allclose(net.blobs['x'].diff, 0.25 * far / 4, rtol=1e-6)
    moves = [-far[1] / 2, [0, 0], -(far[0] + far[2] + far[3]) / 4]
    np.testing.assert_allclose(centers.diff, moves, rtol=1e-5)


def test_terms_of_hard_examples():
    c = case(
        'SoftmaxWithLossOHEM',
        'loss_weight: 1 loss_weight: 0 loss_weight: 0 loss_param { ignore_label: 2 }',
        tops='y p terms',
        x=(3, 4),
        label=exactly([1, 2, 0]),
    )
    net, (loss, p, terms) = forward(c)
    exps = np.exp(net.blobs['x'].data)
    np.testing.assert_allclose(p, exps / exps.sum(1, keepdims=True), rtol=1e-6)
    np.testing.assert_allclose(terms[:, 0], [-math.log(p[0, 1]), 0, -math.log(p[2, 0])], rtol=1e-5)
    np.testing.assert_allclose(loss, terms.sum() / 2, rtol=1e-6)

    fields = 'loss_weight: 1 loss_weight: 0 loss_param { normalization: PRE_FIXED '
    c = case(
        'SmoothL1LossOHEM',
        fields + 'pre_fixed_normalizer: 4 }',
        tops='y terms',
        a=exactly([[0.5, 3], [0, -2]]),
        b=exactly([[0, 0], [0, 0]]),
        w=exactly([[1, 1], [1, 0.5]]),
    )
    _, (loss, terms) = forward(c)
    np.testing.assert_allclose(terms[:, 0], [0.125 + 2.5, 0.5])
    np.testing.assert_allclose(loss, 3.125 / 4)


def test_the_hardest_regions_of_each_image_stay():
    rois = [[i, 0, 0, 1, 1] for i in (0, 1, 0, 0, 1)]
    c = case(
        'BoxAnnotatorOHEM',
        'box_annotator_ohem_param { roi_per_img: 2 ignore_label: 9 }',
        tops='y weights',
        down='',
        rois=exactly(rois),
        cls=exactly([1, 2, 3, 0, 1]),
        box=exactly([0, 0, 0, 2, 5]),
        label=exactly([1, 2, 3, 4, 5]),
        inside=exactly([[i, i] for i in range(1, 6)]),
    )
    _, (labels, weights) = forward(c)
    np.testing.assert_array_equal(labels, [9, 2, 3, 4, 5])
    np.testing.assert_array_equal(weights[:, 0], [0, 2, 3, 4, 5])


def test_psroi_pooling_bin_by_bin():
    fields = 'spatial_scale: 0.5 output_dim: 2 group_size: 2'
    c = case(
        'PSROIPooling',
        f'psroi_pooling_param {{ {fields} }}',
        x=(1, 8, 5, 6),
        rois=exactly([[0, 1, 2, 8, 7]]),
    )
    net, (y,) = forward(c)
    x = net.blobs['x'].data[0]
    for d in range(2):
        for i in range(2):
            for j in range(2):
                # Rows from 1 to 4, columns from 0.5 to 4.5, halved.
                rows = [(1, 3), (2, 4)][i]
                columns = [(0, 3), (2, 5)][j]
                part = x[(d * 2 + i) * 2 + j, slice(*rows), slice(*columns)]
                np.testing.assert_allclose(y[0, d, i, j], part.mean(), rtol=1e-5)


def test_the_anchors_of_faster_rcnn():
    """As its paper's code lists them, counted from 0."""
    found = anchors(16, (0.5, 1, 2), (8, 16, 32))
    np.testing.assert_array_equal(
        found,
        [
            [-84, -40, 99, 55],
            [-176, -88, 191, 103],
            [-360, -184, 375, 199],
            [-56, -56, 71, 71],
            [-120, -120, 135, 135],
            [-248, -248, 263, 263],
            [-36, -80, 51, 95],
            [-80, -168, 95, 183],
            [-168, -344, 183, 359],
        ],
    )


def test_proposals_of_two_places():
    """One anchor of 4 x 4 at each place, the second moved by half its width and cut at the edge."""
    shifts = np.zeros((1, 4, 1, 2))
    shifts[0, 0, 0, 1] = 0.5
    c = case(
        'Proposal',
        'proposal_param { base_size: 4 feat_stride: 8 min_size: 3 ratio: 1 scale: 1 }',
        tops='y best',
        down='',
        scores=exactly([[[[0, 0]], [[0.2, 0.7]]]]),
        shifts=exactly(shifts),
        info=exactly([[6, 13, 1]]),
    )
    _, (rois, best) = forward(c)
    np.testing.assert_allclose(rois, [[0, 10, 0, 12, 4], [0, 0, 0, 4, 4]])
    np.testing.assert_allclose(best, [[0.7], [0.2]], rtol=1e-6)


def test_scores_of_a_segmentation():
    c = case(
        'SegAccuracy',
        'seg_accuracy_param { ignore_label: 255 }',
        down='',
        x=exactly(np.eye(3)[[0, 0, 1, 1, 2, 0]].T[None]),
        label=exactly([[[0, 0, 0, 1, 1, 255]]]),
    )
    _, (scores,) = forward(c)
    np.testing.assert_allclose(scores.ravel(), [3 / 5, (2 / 3 + 1 / 2) / 2, (2 / 3 + 1 / 3) / 3])


def test_eltwise_affine_begins_as_the_identity():
    text = input_text('x', (2, 3, 4)) + (
        'layer { name: "a" type: "EltwiseAffine" bottom: "x" top: "y" eltwise_affine_param { '
        'bias_filler { value: 0.5 } } }'
    )
    filler = Net(parse_net(text)).layers[-1].params
    assert [(p.shape, p.filler.value) for p in filler] == [((3,), 1), ((3,), 0.5)]


MAPS = {'x': (1, 4, 2, 2), 'rois': exactly([[0, 0, 0, 1, 1]])}
REFUSED = [
    (case('Reorg', 'reorg_param { stride: 3 }', x=(1, 4, 2, 2)), 'stride: found 3, needed: a num'),
    (case('Reorg', 'reorg_param { stride: 2 }', x=(1, 4, 3, 2)), 'stride: 2 must divide the heig'),
    (case('RReLU', 'rrelu_param { lb: 3 ub: 2 }', x=(2,)), 'found lb 3 and ub 2, needed: 0 < lb'),
    (case('CenterLoss', x=(2, 3), label=(2,)), 'num_output: found 0, needed: the number of class'),
    (
        case('CenterLoss', 'center_loss_param { num_output: 2 }', x=(2, 3), label=(3,)),
        'needs 3 features and a label of each sample',
    ),
    (case('PSROIPooling', **MAPS), 'spatial_scale: found 0, needed: a positive number'),
    (
        case('PSROIPooling', 'psroi_pooling_param { spatial_scale: 1 }', **MAPS),
        'output_dim and group_size must be > 0: found 0 and 0',
    ),
    (
        case(
            'PSROIPooling',
            'psroi_pooling_param { spatial_scale: 1 output_dim: 2 group_size: 2 }',
            **MAPS,
        ),
        r'output_dim and group_size need 8 channels \(N, C, H, W\)',
    ),
    (
        case(
            'PSROIPooling',
            'psroi_pooling_param { spatial_scale: 1 output_dim: 1 group_size: 2 }',
            x=(1, 4, 2, 2),
            rois=(2, 4),
        ),
        r'needs regions \(R, 5\)',
    ),
    (
        case(
            'PSROIPooling',
            'psroi_pooling_param { spatial_scale: 1 output_dim: 1 group_size: 2 }',
            x=(1, 4, 2, 2),
            rois=exactly([[1, 0, 0, 1, 1]]),
        ),
        r"row 0 of 'rois': found \[1.0, 0.0, 0.0, 1.0, 1.0\], needed: the index of one of 1 images",
    ),
    (
        case('BoxAnnotatorOHEM', tops='y z', a=(1, 5), b=(1,), c=(1,), d=(1,), e=(1, 4)),
        'roi_per_img must be > 0',
    ),
    (
        case(
            'BoxAnnotatorOHEM',
            'box_annotator_ohem_param { roi_per_img: 1 }',
            tops='y z',
            a=(1, 5),
            b=(1,),
            c=(2,),
            d=(1,),
            e=(1, 4),
        ),
        r'needs regions \(R, 5\), R losses of classes and of boxes, R labels, and weights',
    ),
    (
        case('SegAccuracy', x=(1, 2, 3), label=(2,)),
        'Number of labels must match number of predictions',
    ),
    (
        case('SegAccuracy', x=(1, 2, 1), label=exactly([[2]])),
        r'found the label 2: labels must be in 0 .. 1; seg_accuracy_param \{ ignore_label: 2 \}',
    ),
    (
        case('Proposal', 'proposal_param { feat_stride: 0 }', a=(1, 1), b=(1, 1), c=(1, 3)),
        'feat_stride must be > 0',
    ),
    (
        case('Proposal', 'proposal_param { scale: 0 }', a=(1, 1), b=(1, 1), c=(1, 3)),
        'ratio and scale must be positive numbers',
    ),
    (
        case('Proposal', a=(1, 18, 2, 2), b=(1, 36, 2, 3), c=(1, 3)),
        r'needs scores \(N, 18, H, W\), shifts \(N, 36, H, W\) for its 9 anchors',
    ),
]


@pytest.mark.parametrize(('refused', 'message'), REFUSED, ids=lambda value: str(value)[:24])
def test_what_they_refuse(refused, message):
    with pytest.raises(GoodinitError, match=message):
        refused.net('reference').forward()


def test_proposals_without_a_large_box():
    c = case(
        'Proposal',
        'proposal_param { base_size: 4 min_size: 9 ratio: 1 scale: 1 }',
        down='',
        scores=spread(1, 2, 2, 2),
        shifts=spread(1, 4, 2, 2, low=-0.1, high=0.1),
        info=exactly([[8, 8, 1]]),
    )
    assert forward(c)[1][0].shape == (0, 5)
