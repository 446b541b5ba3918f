"""The layers that make images larger or smaller: loops over single numbers, and facts."""

import numpy as np
import pytest
from float64_layers import built, computed, sent_back
from goodinit.netlib import Net
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST

RNG = np.random.default_rng(0)


def interpolated(x, height, width):
    """x (N, C, H, W) with its corners in the corners."""
    y = np.zeros((*x.shape[:2], height, width))
    for i, j in np.ndindex(height, width):
        v = i * (x.shape[2] - 1) / (height - 1) if height > 1 else 0
        u = j * (x.shape[3] - 1) / (width - 1) if width > 1 else 0
        for r in range(x.shape[2]):
            for c in range(x.shape[3]):
                y[:, :, i, j] += max(0, 1 - abs(v - r)) * max(0, 1 - abs(u - c)) * x[:, :, r, c]
    return y


@pytest.mark.parametrize(
    'fields, shape, extents',
    [
        ('height: 5 width: 3', (2, 3, 4, 6), (5, 3)),
        ('height: 1 width: 6', (1, 2, 4, 6), (1, 6)),
        ('zoom_factor: 2', (1, 2, 3, 4), (5, 7)),
        ('shrink_factor: 2', (1, 2, 5, 6), (3, 3)),
        ('shrink_factor: 2 zoom_factor: 3', (1, 1, 6, 5), (7, 7)),
        ('shrink_factor: 2 zoom_factor: 3 height: 4 width: 2', (1, 1, 6, 5), (4, 2)),
        ('zoom_factor: 2 height: 4 width: 4', (1, 1, 3, 3), (5, 5)),
        ('height: 60 width: 60', (1, 2, 1, 1), (60, 60)),
    ],
)
def test_interp(fields, shape, extents):
    x = RNG.standard_normal(shape)
    y = computed('Interp', f'interp_param {{ {fields} }}', x=x)
    np.testing.assert_allclose(y, interpolated(x, *extents), atol=1e-12)


def test_interp_cuts():
    x = RNG.standard_normal((1, 2, 6, 7))
    y = computed('Interp', 'interp_param { height: 4 width: 9 pad_beg: -1 pad_end: -2 }', x=x)
    np.testing.assert_allclose(y, interpolated(x[:, :, 1:-2, 1:-2], 4, 9), atol=1e-12)


def test_interp_as_pytorch_has_it():
    """torch.nn.functional.interpolate(..., mode='bilinear', align_corners=True)"""
    y = computed('Interp', 'interp_param { height: 4 width: 4 }', x=[[[[1, 2], [3, 4]]]])
    np.testing.assert_allclose(
        y[0, 0],
        [
            [1, 4 / 3, 5 / 3, 2],
            [5 / 3, 2, 7 / 3, 8 / 3],
            [7 / 3, 8 / 3, 3, 10 / 3],
            [3, 10 / 3, 11 / 3, 4],
        ],
    )


# What torch.nn.MaxPool2d(2, stride=2, return_indices=True) and MaxUnpool2d(2, stride=2) show in
# PyTorch's manual.
POOLED, PLACES = [[[[6, 8], [14, 16]]]], [[[[5, 7], [13, 15]]]]
UNPOOLED = [[0, 0, 0, 0], [0, 6, 0, 8], [0, 0, 0, 0], [0, 14, 0, 16]]


@pytest.mark.parametrize(
    'type, fields',
    [
        ('Upsample', ''),
        ('Upsample', 'upsample_param { upsample_h: 4 upsample_w: 4 }'),
        ('Unpooling', 'unpooling_param { kernel_size: 2 stride: 2 unpool_size: 4 }'),
    ],
)
def test_max_unpooling_as_pytorch_has_it(type, fields):
    net = built(type, fields, x=POOLED, mask=PLACES)
    np.testing.assert_array_equal(net.blobs['y'].data[0, 0], UNPOOLED)
    np.testing.assert_array_equal(sent_back(net, np.arange(16.0).reshape(1, 1, 4, 4)), PLACES)


@pytest.mark.parametrize(
    'pool, extents, up',
    [
        ('kernel_size: 2 stride: 2', (8, 6), ''),
        ('kernel_size: 2 stride: 2', (7, 5), 'upsample_param { pad_out_h: true pad_out_w: true }'),
        ('kernel_size: 2 stride: 2', (45, 60), 'upsample_param { upsample_h: 45 upsample_w: 60 }'),
        (
            'kernel_size: 3 stride: 2 pad: 1',
            (8, 6),
            'upsample_param { upsample_h: 8 upsample_w: 6 }',
        ),
        ('kernel_size: 3 stride: 1', (5, 5), 'upsample_param { upsample_h: 5 upsample_w: 5 }'),
    ],
)
def test_upsample_goes_back_through_pooling(pool, extents, up, engine):
    """Each winner comes back to its place, once for each window that it won."""
    text = f"""
        layer {{ name: "x" type: "Input" top: "x"
          input_param {{ shape {{ dim: {[2, 3, *extents]} }} }} }}
        layer {{ name: "p" type: "Pooling" bottom: "x" top: "p" top: "mask"
          pooling_param {{ {pool} }} }}
        layer {{ name: "y" type: "Upsample" bottom: "p" bottom: "mask" top: "y" {up} }}"""
    net = Net(parse_net(text), TEST, engine=engine)
    x = RNG.standard_normal(net.blobs['x'].shape)
    net.blobs['x'].data = x
    net.forward()
    wins = np.zeros(x.shape)
    for n, c in np.ndindex(x.shape[:2]):
        np.add.at(wins[n, c].reshape(-1), net.blobs['mask'].data[n, c].astype(int).ravel(), 1)
    assert wins.max() >= 1
    np.testing.assert_allclose(net.blobs['y'].data, wins * x, rtol=1e-5)


def test_upsample_without_a_mask_is_nearest_neighbor():
    net = built('Upsample', 'upsample_param { scale: 2 }', x=[[[[1, 2], [3, 4]]]])
    np.testing.assert_array_equal(
        net.blobs['y'].data[0, 0], [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    )
    np.testing.assert_array_equal(sent_back(net, np.ones((1, 1, 4, 4))), np.full((1, 1, 2, 2), 4))


@pytest.mark.parametrize(
    'unpool, expected',
    [
        ('MAX', [[1, 0, 0, 2, 0], [0, 0, 0, 0, 0], [3, 0, 0, 4, 0], [0, 0, 0, 0, 0]]),
        ('TILE', [[1, 1, 0, 2, 2], [1, 1, 0, 2, 2], [3, 3, 0, 4, 4], [3, 3, 0, 4, 4]]),
        (
            'AVE',
            [
                [0.25, 0.25, 0, 0.5, 0.5],
                [0.25, 0.25, 0, 0.5, 0.5],
                [0.75, 0.75, 0, 1, 1],
                [0.75, 0.75, 0, 1, 1],
            ],
        ),
    ],
)
def test_unpooling(unpool, expected):
    y = computed(
        'Unpooling',
        f'unpooling_param {{ unpool: {unpool} kernel_size: 2 stride_h: 2 stride_w: 3 unpool_h: 4 '
        'unpool_w: 5 }',
        x=[[[[1, 2], [3, 4]]]],
    )
    np.testing.assert_array_equal(y[0, 0], expected)
