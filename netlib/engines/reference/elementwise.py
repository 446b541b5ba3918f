"""The elementwise functions, one line each, with their derivatives.

UNARY[name] = f(x, *parameters), backward(x, y, dy, *parameters)
BINARY[name] = f(a, b)
"""

from collections.abc import Callable

import numpy as np
from numpy import ndarray

from ..functions import Functions

Function = Callable[..., ndarray]


def _relu(x, slope):
    if not slope:
        return np.maximum(x, 0)
    return np.where(x > 0, x, slope * x)


def _relu_backward(x, y, dy, slope):
    if not slope:
        return dy * (x > 0)
    return dy * np.where(x > 0, 1, slope).astype(x.dtype)


def _exp(x):
    with np.errstate(over='ignore', under='ignore'):
        return np.exp(x)


def _power(x, power, scale, shift):
    """(shift + scale x)^power, with Caffe's special cases: exponents 0, 1 and 2 need no pow."""
    inner = shift + scale * x
    if power == 0:
        return np.ones_like(x)
    if power == 1:
        return inner
    if power == 2:
        return inner * inner
    with np.errstate(all='ignore'):
        return inner**power


def _power_backward(x, y, dy, power, scale, shift):
    if not power * scale:
        return np.zeros_like(x)
    return dy * (power * scale) * _power(x, power - 1, scale, shift)


def _sigmoid(x):
    return 0.5 * np.tanh(0.5 * x) + 0.5


def _log(x, base_scale, scale, shift):
    with np.errstate(all='ignore'):
        return np.log(shift + scale * x) * base_scale


def _log_backward(x, y, dy, base_scale, scale, shift):
    with np.errstate(all='ignore'):
        return dy * (base_scale * scale) / (shift + scale * x)


def _swish_backward(x, y, dy, beta):
    return dy * (beta * y + _sigmoid(beta * x) * (1 - beta * y))


def _softplus(x):
    return np.maximum(x, 0) + np.log1p(_exp(-np.abs(x)))


def _mish_backward(x, y, dy):
    t = np.tanh(_softplus(x))
    return dy * (t + x * _sigmoid(x) * (1 - t * t))


UNARY: Functions[tuple[Function, Function]] = Functions(
    relu=(_relu, _relu_backward),
    elu=(
        lambda x, alpha: np.where(x > 0, x, alpha * (_exp(np.minimum(x, 0)) - 1)),
        lambda x, y, dy, alpha: np.where(x > 0, dy, dy * (y + alpha)),
    ),
    sigmoid=(_sigmoid, lambda x, y, dy: dy * y * (1 - y)),
    tanh=(np.tanh, lambda x, y, dy: dy * (1 - y * y)),
    abs=(np.abs, lambda x, y, dy: dy * np.sign(x)),
    sign=(np.sign, lambda x, y, dy: np.zeros_like(dy)),
    power=(_power, _power_backward),
    exp=(
        lambda x, inner, outer: outer * _exp(inner * x),
        lambda x, y, dy, inner, outer: dy * y * inner,
    ),
    log=(_log, _log_backward),
    log_floor=(
        lambda x, floor: np.log(np.maximum(x, floor)),
        lambda x, y, dy, floor: np.where(x > floor, dy / np.maximum(x, floor), 0),
    ),
    bnll=(_softplus, lambda x, y, dy: dy * _sigmoid(x)),
    swish=(lambda x, beta: x * _sigmoid(beta * x), _swish_backward),
    mish=(lambda x: x * np.tanh(_softplus(x)), _mish_backward),
    clip=(np.clip, lambda x, y, dy, low, high: dy * ((x >= low) & (x <= high))),
    threshold=(
        lambda x, level: (x > level).astype(x.dtype),
        lambda x, y, dy, level: np.zeros_like(dy),
    ),
    trunc=(np.trunc, lambda x, y, dy: np.zeros_like(dy)),
)

BINARY: Functions[Function] = Functions(
    add=np.add,
    sub=np.subtract,
    mul=np.multiply,
    div=np.divide,
    max=np.maximum,
    equal=np.equal,
    not_equal=np.not_equal,
    greater=np.greater,
    greater_equal=np.greater_equal,
    # of inputs a and slopes b: PReLU, and its derivative by a
    prelu=lambda a, b: np.where(a > 0, a, b * a),
    prelu_slope=lambda a, b: np.where(a > 0, a.dtype.type(1), b),
    # of scores a and targets b: -log of the likelihood, in a form that cannot overflow
    sigmoid_cross_entropy=lambda a, b: np.maximum(a, 0) - a * b + np.log1p(_exp(-np.abs(a))),
)
