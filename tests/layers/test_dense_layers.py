"""The other layers of Caffe's forks for dense prediction and of small nets: loops over single
numbers, facts, and OpenCV. test_resizing.py and test_bn.py have the rest."""

import numpy as np
import pytest
from case import case, exactly
from float64_layers import built, computed, sent_back

RNG = np.random.default_rng(0)


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
