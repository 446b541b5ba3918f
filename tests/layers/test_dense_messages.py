"""What the layers of Caffe's forks for dense prediction and of small nets refuse, and the words for
it."""

import re

import numpy as np
import pytest
from case import case, exactly
from goodinit.netlib.errors import LayerError


def built(type, fields, bottoms):
    net = case(type, fields, **{name: exactly(array) for name, array in bottoms.items()}).net(
        'reference'
    )
    net.forward()
    return net


IMAGE, MASK = np.zeros((1, 2, 2, 2)), np.zeros((1, 2, 2, 3))
UNPOOL = 'unpooling_param { kernel_size: 2 stride: 2 unpool_size: 4 %s }'
REFUSED = [
    (
        'Axpy',
        '',
        {'a': np.zeros((1, 3)), 'x': IMAGE, 'y0': IMAGE},
        "one number per channel of x, and y the shape of x: found 'a' 1 3 (3), 'x' 1 2 2 2 (8), "
        "'y0' 1 2 2 2 (8)",
    ),
    ('BN', 'bn_param { axis: 3 }', {}, 'axis_ should be 1 or 2: found 3'),
    (
        'BN',
        'top: "mean"',
        {},
        'extra tops for the mean and variance of the batch require bn_mode: LEARN',
    ),
    (
        'DepthwiseConvolution',
        'convolution_param { num_output: 2 kernel_size: 1 group: 1 }',
        {},
        "group: 1 must be the 2 channels of 'x' 1 2 2 2 (8), or be omitted",
    ),
    ('Interp', '', {}, 'needs height and width, or zoom_factor, or shrink_factor'),
    (
        'Interp',
        'interp_param { zoom_factor: 2 pad_end: 1 }',
        {},
        'Only supports non-pos padding (cropping) for now: found pad_beg 0, pad_end 1',
    ),
    (
        'Interp',
        'interp_param { zoom_factor: 0 }',
        {},
        'zoom_factor: 0 and shrink_factor: 1 must be positive',
    ),
    (
        'Interp',
        'interp_param { interp_type: "nearest" }',
        {},
        "interp_type: found 'nearest'; only 'bilinear' is supported",
    ),
    (
        'Interp',
        'interp_param { height: 2 width: 2 pad_beg: -2 }',
        {},
        "height and width should be positive: in 'x' 1 2 2 2 (8) the part [0, 0] becomes (2, 2)",
    ),
    (
        'Interp',
        'interp_param { zoom_factor: 2 }',
        {'x': np.zeros((2, 3))},
        'Input must have 4 axes, corresponding to (num, channels, height, width); '
        "found 'x' 2 3 (6)",
    ),
    (
        'ShuffleChannel',
        'shuffle_channel_param { group: 3 }',
        {},
        "group: 3 must divide the 2 channels of 'x'",
    ),
    (
        'SoftmaxWithLoss',
        'loss_param { class_weighting: 1 }',
        {'x': np.zeros((1, 2)), 'label': [0]},
        'class_weighting requires weight_by_label_freqs: true',
    ),
    (
        'SoftmaxWithLoss',
        'loss_param { weight_by_label_freqs: true class_weighting: 1 }',
        {'x': np.zeros((1, 2)), 'label': [0]},
        'Number of class weight values does not match the number of classes: '
        "found 1 class_weighting, 'x' has 1 2 (2)",
    ),
    (
        'Unpooling',
        UNPOOL % 'unpool: AVE',
        {'x': IMAGE, 'mask': IMAGE},
        'a mask requires unpool: MAX; found AVE',
    ),
    ('Unpooling', UNPOOL % 'pad_h: 1', {}, 'pad: currently, only zero padding is allowed.'),
    (
        'Unpooling',
        UNPOOL % 'kernel_h: 1',
        {},
        'kernel_size is kernel_size OR kernel_h and kernel_w; not both',
    ),
    (
        'Unpooling',
        'unpooling_param { kernel_size: 2 }',
        {},
        'unpool_size is unpool_size OR unpool_h and unpool_w; not both, '
        'and one of them is required',
    ),
    (
        'Unpooling',
        'unpooling_param { kernel_size: 0 unpool_size: 4 }',
        {},
        'kernel (0, 0), stride (1, 1) and extents (4, 4) cannot be zero',
    ),
    (
        'Unpooling',
        'unpooling_param { unpool: TILE kernel_size: 2 unpool_size: 4 }',
        {},
        'unpool: TILE needs windows that do not overlap; found kernel (2, 2) with stride (1, 1)',
    ),
    (
        'Unpooling',
        'unpooling_param { kernel_size: 2 stride: 4 unpool_size: 4 }',
        {},
        '2 windows with stride 4 do not fit into an extent of 4',
    ),
    (
        'Upsample',
        '',
        {'x': np.zeros((2, 3))},
        'Input must have 4 axes, corresponding to (num, channels, height, width); '
        "found 'x' 2 3 (6)",
    ),
    (
        'Upsample',
        '',
        {'x': IMAGE, 'mask': MASK},
        "the mask 'mask' 1 2 2 3 (12) must have the shape of 'x' 1 2 2 2 (8)",
    ),
    (
        'Upsample',
        '',
        {'x': IMAGE, 'mask': IMAGE + 16},
        "top index 16 of the mask 'mask' out of range: y is 4 x 4; "
        "check that this is the size of the Pooling's bottom",
    ),
    (
        'Upsample',
        'upsample_param { upsample_h: 4 }',
        {'x': IMAGE, 'mask': IMAGE},
        'upsample_h & upsample_w are required',
    ),
    (
        'Upsample',
        'upsample_param { scale: 2 scale_h: 2 scale_w: 2 }',
        {},
        'scale OR scale_h & scale_w are required.',
    ),
    (
        'Upsample',
        'upsample_param { upsample_h: 4 upsample_w: 4 }',
        {},
        'upsample_h & upsample_w require a mask',
    ),
    (
        'Upsample',
        'upsample_param { scale: 0 }',
        {},
        'scale: found (0, 0), needed: positive numbers',
    ),
    (
        'Upsample',
        'upsample_param { scale_h: 2 scale_w: 3 pad_out_w: true }',
        {},
        'pad_out_w: Output padding compensation requires scale == 2, found 3',
    ),
    (
        'Upsample',
        'upsample_param { upsample_h: 0 upsample_w: 4 }',
        {'x': IMAGE, 'mask': IMAGE},
        'the height and width of the top must be positive: found (0, 4)',
    ),
]


@pytest.mark.parametrize('type, fields, bottoms, message', REFUSED)
def test_what_is_refused(type, fields, bottoms, message):
    with pytest.raises(LayerError, match=re.escape(message)):
        built(type, fields, bottoms or {'x': IMAGE})


def test_bn_refuses_other_channels():
    net = built('BN', '', {'x': np.zeros((2, 3))})
    net.blobs['x'].reshape(2, 4)
    with pytest.raises(
        LayerError, match=r"bottom 'x' of shape 2 4 \(8\) needs 3 channels in axis 1"
    ):
        net.layers[-1].reshape(net.bottoms[-1], net.tops[-1])
