"""Cases of the layers of Caffe's forks for dense prediction and of small nets."""

from case import case, exactly, integers, positive, spread

IMAGES = (2, 3, 5, 4)
STORED = {2: spread(3), 3: positive(3)}
# Flat places on a map of 4 x 3, one in each window of 2 x 2, as Pooling gives them.
MASK = exactly([[[[1, 5], [9, 11]], [[0, 2], [6, 8]]], [[[4, 2], [10, 8]], [[3, 5], [7, 11]]]])
SMALL = (2, 2, 2, 2)

DENSE_CASES = [
    case('EltwiseAffine', x=IMAGES),
    case(
        'EltwiseAffine', 'eltwise_affine_param { channel_shared: true }', id='shared', x=(2, 3, 4)
    ),
    case(
        'SegAccuracy',
        'seg_accuracy_param { ignore_label: 3 }',
        down='',
        x=IMAGES,
        label=integers(2, 1, 5, 4, below=4),
    ),
    case(
        'CenterLoss',
        'center_loss_param { num_output: 3 }',
        ruled=[0],
        x=(4, 5),
        label=integers(4, below=3),
    ),
    case('Axpy', a=(2, 3, 1, 1), x=IMAGES, y0=IMAGES),
    case('Axpy', id='2 axes', a=(4, 3), x=(4, 3), y0=(4, 3)),
    case('BN', 'bn_param { scale_filler { value: 1 } }', id='segnet', x=IMAGES),
    case(
        'BN',
        'bn_param { bn_mode: LEARN }',
        id='segnet, statistics',
        tops='y mean var',
        ignored='mean var',
        x=IMAGES,
    ),
    case('BN', 'bn_param { bn_mode: INFERENCE }', id='segnet, inference', x=IMAGES),
    case('BN', id='train', train=True, params=STORED, x=IMAGES),
    case('BN', params=STORED, x=IMAGES),
    case('BN', 'bn_param { frozen: true }', id='frozen', train=True, params=STORED, x=(4, 3)),
    case(
        'BN',
        'bn_param { decay: 0.1 axis: 2 }',
        id='older',
        params={2: spread(3), 3: positive(3)},
        x=(2, 2, 3, 2),
    ),
    case('BN', 'bn_param { moving_average: true }', id='older, stored', params=STORED, x=IMAGES),
    case('ConvolutionDepthwise', 'convolution_param { num_output: 3 kernel_size: 2 }', x=IMAGES),
    case(
        'DepthwiseConvolution',
        'convolution_param { num_output: 6 kernel_size: 3 pad: 1 stride: 2 bias_term: false }',
        x=IMAGES,
    ),
    case('Interp', 'interp_param { height: 3 width: 7 }', x=IMAGES),
    case('Interp', 'interp_param { zoom_factor: 2 pad_beg: -1 pad_end: -1 }', id='cut', x=IMAGES),
    case('Interp', 'interp_param { shrink_factor: 2 zoom_factor: 3 }', id='both factors', x=IMAGES),
    case('Interp', 'interp_param { height: 2 width: 1 }', id='one column', x=(1, 2, 1, 3)),
    case('ReLU6', x=spread(4, 5, low=-3, high=9)),
    case(
        'ReLU6', 'relu6_param { negative_slope: 0.2 }', id='slope', x=spread(4, 5, low=-3, high=9)
    ),
    case('ShuffleChannel', 'shuffle_channel_param { group: 3 }', x=(2, 6, 2, 2)),
    case(
        'SoftmaxWithLoss',
        'loss_param { weight_by_label_freqs: true ignore_label: 1 }',
        id='by frequency',
        x=(2, 3, 2, 2),
        label=integers(2, 2, 2, below=3),
    ),
    case(
        'SoftmaxWithLoss',
        'loss_param { weight_by_label_freqs: true class_weighting: [0.5, 2, 3] }',
        id='by class',
        x=(4, 3),
        label=integers(4, below=3),
    ),
    case(
        'Unpooling',
        'unpooling_param { kernel_size: 2 stride: 2 unpool_h: 4 unpool_w: 3 }',
        id='mask',
        x=SMALL,
        mask=MASK,
    ),
    case('Unpooling', 'unpooling_param { kernel_size: 2 stride: 2 unpool_size: 5 }', x=SMALL),
    case(
        'Unpooling',
        'unpooling_param { unpool: TILE kernel_size: 2 stride_h: 3 stride_w: 2 '
        'unpool_h: 5 unpool_w: 4 }',
        id='tile',
        x=SMALL,
    ),
    case(
        'Unpooling',
        'unpooling_param { unpool: AVE kernel_size: 3 stride: 2 unpool_h: 5 unpool_w: 4 }',
        id='average',
        x=SMALL,
    ),
    case('Upsample', 'upsample_param { scale: 2 pad_out_w: true }', id='mask', x=SMALL, mask=MASK),
    case(
        'Upsample',
        'upsample_param { upsample_h: 4 upsample_w: 3 }',
        id='mask, extents',
        x=SMALL,
        mask=MASK,
    ),
    case('Upsample', 'upsample_param { scale_h: 3 scale_w: 2 }', x=SMALL),
]
