"""The elementwise functions: one line each, with the derivative beside it.

UNARY[name] = f(x, *parameters), backward(x, y, dy, *parameters)
BINARY[name] = f(a, b)
"""

import numpy as np


def _exp(x):
    with np.errstate(over='ignore', under='ignore'):
        return np.exp(x)


def _power(x, power, scale, shift):
    """(shift + scale x)^power, with Caffe's special cases: exponents 0, 1 and 2 need no pow."""
    inner = shift + scale * x
    if power in (0, 1, 2):
        return {0: np.ones_like(x), 1: inner, 2: inner * inner}[power]
    with np.errstate(all='ignore'):
        return inner**power


def _power_backward(x, dy, power, scale, shift):
    return (
        dy * (power * scale) * _power(x, power - 1, scale, shift)
        if power * scale
        else np.zeros_like(x)
    )


def _sigmoid(x):
    return 0.5 * np.tanh(0.5 * x) + 0.5


def _log(x, base_scale, scale, shift):
    with np.errstate(all='ignore'):
        return np.log(shift + scale * x) * base_scale


def _log_backward(x, dy, base_scale, scale, shift):
    with np.errstate(all='ignore'):
        return dy * (base_scale * scale) / (shift + scale * x)


def _swish_backward(x, y, dy, beta):
    return dy * (beta * y + _sigmoid(beta * x) * (1 - beta * y))


UNARY = {
    'relu': (
        lambda x, slope: np.where(x > 0, x, slope * x) if slope else np.maximum(x, 0),
        lambda x, y, dy, slope: (
            dy * np.where(x > 0, 1, slope).astype(x.dtype) if slope else dy * (x > 0)
        ),
    ),
    'elu': (
        lambda x, alpha: np.where(x > 0, x, alpha * (_exp(np.minimum(x, 0)) - 1)),
        lambda x, y, dy, alpha: np.where(x > 0, dy, dy * (y + alpha)),
    ),
    'sigmoid': (lambda x: _sigmoid(x), lambda x, y, dy: dy * y * (1 - y)),
    'tanh': (lambda x: np.tanh(x), lambda x, y, dy: dy * (1 - y * y)),
    'abs': (lambda x: np.abs(x), lambda x, y, dy: dy * np.sign(x)),
    'sign': (lambda x: np.sign(x), lambda x, y, dy: np.zeros_like(dy)),
    'power': (
        lambda x, power, scale, shift: _power(x, power, scale, shift),
        lambda x, y, dy, power, scale, shift: _power_backward(x, dy, power, scale, shift),
    ),
    'exp': (
        lambda x, inner, outer: outer * _exp(inner * x),
        lambda x, y, dy, inner, outer: dy * y * inner,
    ),
    'log': (
        lambda x, base_scale, scale, shift: _log(x, base_scale, scale, shift),
        lambda x, y, dy, base_scale, scale, shift: _log_backward(x, dy, base_scale, scale, shift),
    ),
    'log_floor': (
        lambda x, floor: np.log(np.maximum(x, floor)),
        lambda x, y, dy, floor: np.where(x > floor, dy / np.maximum(x, floor), 0),
    ),
    'bnll': (
        lambda x: np.maximum(x, 0) + np.log1p(_exp(-np.abs(x))),
        lambda x, y, dy: dy * _sigmoid(x),
    ),
    'swish': (lambda x, beta: x * _sigmoid(beta * x), _swish_backward),
    'clip': (
        lambda x, low, high: np.clip(x, low, high),
        lambda x, y, dy, low, high: dy * ((x >= low) & (x <= high)),
    ),
    'threshold': (
        lambda x, level: (x > level).astype(x.dtype),
        lambda x, y, dy, level: np.zeros_like(dy),
    ),
    'trunc': (lambda x: np.trunc(x), lambda x, y, dy: np.zeros_like(dy)),
}

BINARY = {
    'add': np.add,
    'sub': np.subtract,
    'mul': np.multiply,
    'div': np.divide,
    'max': np.maximum,
    'equal': np.equal,
    'not_equal': np.not_equal,
    'greater': np.greater,
    'greater_equal': np.greater_equal,
    # of inputs a and slopes b: PReLU, and its derivative by a
    'prelu': lambda a, b: np.where(a > 0, a, b * a),
    'prelu_slope': lambda a, b: np.where(a > 0, a.dtype.type(1), b),
    # of scores a and targets b: -log of the likelihood, in a form that cannot overflow
    'sigmoid_cross_entropy': lambda a, b: np.maximum(a, 0) - a * b + np.log1p(_exp(-np.abs(a))),
}
