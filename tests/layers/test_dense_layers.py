"""The layers of Caffe's forks for dense prediction and of small nets: loops over single numbers,
facts, and OpenCV."""

import numpy as np
import pytest
from case import case, exactly
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST

RNG = np.random.default_rng(0)


def built(type, fields='', tops='y', train=False, params=None, **bottoms):
    """A net of the layer on these arrays, in float64, with its parameters filled with these."""
    net = case(
        type,
        fields,
        tops=tops,
        train=train,
        params={i: exactly(p) for i, p in enumerate(params or [])},
        **{name: exactly(array) for name, array in bottoms.items()},
    ).net(make_engine('reference', dtype=float))
    net.forward()
    return net


def computed(type, fields='', **more):
    return built(type, fields, **more).blobs['y'].data


def sent_back(net, dy):
    """The gradient by x, from that by y."""
    net.blobs['y'].diff = dy
    net.layers[-1].backward(
        net.tops[-1], [name != 'mask' for name in net.layers[-1].param.bottom], net.bottoms[-1]
    )
    return net.blobs['x'].diff


# -- resizing


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
    net = Net(
        parse_net(f"""
        layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: {[2, 3, *extents]} }} }} }}
        layer {{ name: "p" type: "Pooling" bottom: "x" top: "p" top: "mask" pooling_param {{ {pool} }} }}
        layer {{ name: "y" type: "Upsample" bottom: "p" bottom: "mask" top: "y" {up} }}"""),
        TEST,
        engine=engine,
    )
    x = RNG.standard_normal(net.blobs['x'].shape)
    net.blobs['x'].data = x
    net.forward()
    wins = np.zeros(x.shape)
    for n, c in np.ndindex(x.shape[:2]):
        np.add.at(wins[n, c].reshape(-1), net.blobs['mask'].data[n, c].astype(int).ravel(), 1)
    assert wins.max() >= 1
    np.testing.assert_allclose(net.blobs['y'].data, wins * x, rtol=1e-5)


def test_upsample_without_a_mask_is_nearest_neighbour():
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


# -- BN

X = RNG.standard_normal((4, 3, 2, 5)) * 3 + 1
AXES = (0, 2, 3)
MEAN, VAR = X.mean(AXES), X.var(AXES)
SLOPE, BIAS, OLD_MEAN, OLD_VAR = np.array([[2, -1, 0.5], [1, 0, -2], [0.5, 1, -1], [1, 4, 9]])
FOUR = [SLOPE, BIAS, OLD_MEAN, OLD_VAR]
BN = """layer { name: "x" type: "Input" top: "x" input_param { shape { dim: [2, 3] } } }
        layer { name: "l" type: "BN" bottom: "x" top: "y" bn_param { %s } }"""


def normalized(mean, var, eps):
    mean, scale, slope, bias = (v.reshape(3, 1, 1) for v in (mean, np.sqrt(var + eps), SLOPE, BIAS))
    return slope * (X - mean) / scale + bias


@pytest.mark.parametrize(
    'fields, train, mean, var, eps',
    [
        ('bn_mode: LEARN', False, MEAN, VAR, 1e-9),
        ('scale_filler { value: 1 } shift_filler { }', True, MEAN, VAR, 1e-9),
        ('bn_mode: INFERENCE', True, np.zeros(3), np.ones(3), 0),
        ('', True, MEAN, VAR, 1e-5),
        ('eps: 0.5', False, OLD_MEAN, OLD_VAR, 0.5),
        ('slope_filler { } frozen: true', True, OLD_MEAN, OLD_VAR, 1e-5),
        ('scale_filler { } frozen: true', True, OLD_MEAN, OLD_VAR, 1e-5),
        ('decay: 0.1 var_eps: 0.5', True, MEAN, VAR, 0.5),
        ('decay: 0.1', False, MEAN, VAR, 1e-10),
        ('moving_average: true', False, OLD_MEAN, OLD_VAR, 1e-10),
    ],
)
def test_bn(fields, train, mean, var, eps):
    net = built('BN', f'bn_param {{ {fields} }}', train=train, params=FOUR, x=X)
    np.testing.assert_allclose(net.blobs['y'].data, normalized(mean, var, eps), atol=1e-7)
    assert len(net.layers[-1].params) == (2 if mean is not OLD_MEAN and eps in (0, 1e-9) else 4)


@pytest.mark.parametrize(
    'fields, train, kept',
    [
        ('momentum: 0.75', True, 0.75),
        ('decay: 0.1', True, 0.9),
        ('momentum: 0.75', False, 1),
        ('decay: 0.1', False, 1),
        ('frozen: true', True, 1),
    ],
)
def test_bn_gathers_statistics_while_training(fields, train, kept):
    net = built('BN', f'bn_param {{ {fields} }}', train=train, params=FOUR, x=X)
    for param, old, new in zip(
        net.layers[-1].params[2:], (OLD_MEAN, OLD_VAR), (MEAN, VAR), strict=True
    ):
        np.testing.assert_allclose(param.data.ravel(), kept * old + (1 - kept) * new, atol=1e-7)


@pytest.mark.parametrize(
    'fields, learns',
    [
        ('bn_mode: LEARN', [True, True]),
        ('momentum: 0.9', [True, True, False, False]),
        ('frozen: true', [False] * 4),
    ],
)
def test_which_parameters_of_bn_learn(fields, learns):
    net = built('BN', f'bn_param {{ {fields} }} param {{ lr_mult: 1 }} param {{ lr_mult: 2 }}', x=X)
    params = net.layers[-1].params
    assert [p.learns for p in params] == learns
    assert {p.shape for p in params} == {(1, 3, 1, 1)}


def test_bn_by_the_number_of_blobs():
    net = parse_net(BN % 'scale_filler { value: 1 }')
    for blobs, params in (0, 2), (2, 2), (4, 4):
        del net.layer[1].blobs[:]
        for _ in range(blobs):
            net.layer[1].blobs.add()
        assert len(Net(net, TEST).layers[1].params) == params


def test_bn_tells_the_statistics_of_the_batch():
    net = built('BN', 'bn_param { bn_mode: LEARN }', tops='y mean var', x=X)
    np.testing.assert_allclose(net.blobs['mean'].data, MEAN.reshape(1, 3, 1, 1))
    np.testing.assert_allclose(net.blobs['var'].data, VAR.reshape(1, 3, 1, 1))


def test_bn_fills_its_parameters():
    net = Net(
        parse_net(BN % 'slope_filler { value: 3 } bias_filler { value: 2 } frozen: true'), TEST
    )
    fill(net, RNG)
    assert [set(p.data.ravel()) for p in net.layers[-1].params] == [{3}, {2}, {0}, {1}]


# -- weights of labels


@pytest.mark.parametrize(
    'fields, weights',
    [
        ('', {0: 1 / 3, 2: 1 / 1}),
        ('class_weighting: 0.5 class_weighting: 4 class_weighting: 3', {0: 0.5, 2: 3}),
    ],
)
def test_softmax_with_loss_weighs_labels(fields, weights):
    x, labels = RNG.standard_normal((6, 3)), np.array([0, 2, 1, 0, 1, 0])
    net = built(
        'SoftmaxWithLoss',
        f'loss_param {{ weight_by_label_freqs: true ignore_label: 1 {fields} }}',
        x=x,
        label=labels,
    )
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    counted = [(i, label) for i, label in enumerate(labels) if label != 1]
    loss = -sum(weights[label] * np.log(p[i, label]) for i, label in counted) / 4
    np.testing.assert_allclose(net.blobs['y'].data, loss)
    dx = np.zeros(x.shape)
    for i, label in counted:
        dx[i] = weights[label] * (p[i] - np.eye(3)[label]) / 4
    net.layers[-1].backward(net.tops[-1], [True, False], net.bottoms[-1])
    np.testing.assert_allclose(net.blobs['x'].diff, dx)


# -- small nets


def test_shuffle_channel_as_pytorch_has_it():
    """torch.nn.functional.channel_shuffle of 6 channels in 3 groups."""
    y = computed(
        'ShuffleChannel', 'shuffle_channel_param { group: 3 }', x=np.arange(6).reshape(1, 6, 1, 1)
    )
    np.testing.assert_array_equal(y.ravel(), [0, 2, 4, 1, 3, 5])


def test_relu6_at_its_ends():
    net = built('ReLU6', 'relu6_param { negative_slope: 0.5 }', x=[-2, -1e-9, 0, 3, 6.5])
    np.testing.assert_allclose(net.blobs['y'].data, [-1, -5e-10, 0, 3, 6])
    np.testing.assert_array_equal(sent_back(net, np.ones(5)), [0.5, 0.5, 0.5, 1, 0])


def test_axpy():
    a, x, y = (RNG.standard_normal(shape) for shape in ((2, 3), (2, 3, 4), (2, 3, 4)))
    np.testing.assert_allclose(computed('Axpy', a=a, x=x, y0=y), a[:, :, None] * x + y)


def test_depthwise_convolution_is_saved_with_its_groups():
    x, W = RNG.standard_normal((1, 3, 4, 4)), RNG.standard_normal((6, 1, 3, 3))
    fields = 'convolution_param { num_output: 6 kernel_size: 3 bias_term: false %s }'
    net = built('DepthwiseConvolution', fields % '', params=[W], x=x)
    expected = computed('Convolution', fields % 'group: 3', params=[W], x=x)
    np.testing.assert_array_equal(net.blobs['y'].data, expected)
    assert net.to_proto().layer[-1].convolution_param.group == 3


OPENCV = [
    ('ConvolutionDepthwise', 'convolution_param { num_output: 4 kernel_size: 3 pad: 1 }'),
    ('Interp', 'interp_param { height: 7 width: 9 }'),
    ('Interp', 'interp_param { zoom_factor: 2 }'),
    ('ReLU6', ''),
    ('ShuffleChannel', 'shuffle_channel_param { group: 2 }'),
]


@pytest.mark.parametrize('type, fields', OPENCV)
def test_opencv_computes_the_same(type, fields, tmp_path):
    cv2 = pytest.importorskip('cv2', reason="needs OpenCV 4: pip install 'goodinit[test]'")
    x = (RNG.standard_normal((1, 4, 5, 6)) * 4).astype(np.float32)
    net = case(type, fields, x=exactly(x)).net('reference')
    net.forward()
    net.save(tmp_path / 'weights.caffemodel')
    (tmp_path / 'net.prototxt').write_text(
        f'input: "x" input_shape {{ dim: [1, 4, 5, 6] }}\n'
        f'layer {{ name: "l" type: "{type}" bottom: "x" top: "y" {fields} }}'
    )
    imported = cv2.dnn.readNetFromCaffe(
        str(tmp_path / 'net.prototxt'), str(tmp_path / 'weights.caffemodel')
    )
    imported.setInput(x)
    theirs = imported.forward()
    assert theirs.shape == net.blobs['y'].shape
    np.testing.assert_allclose(net.blobs['y'].data, theirs, atol=1e-4)
