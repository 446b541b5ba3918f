"""BN, the batch normalization of Caffe's forks, in the spelling of each of them."""

import numpy as np
import pytest
from float64_layers import built
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST

RNG = np.random.default_rng(0)


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
