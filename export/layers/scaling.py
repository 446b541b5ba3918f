"""Factors and terms for each channel, learned or given: Scale, EltwiseAffine, Bias, PReLU, Axpy,
Normalize."""

from ..batch import dims
from ..fields import axis_of
from ..registry import onnx, torch
from ..text import number, reshaped


def broadcast(step, axis: int, shape) -> list[int]:
    """The operand's shape with as many axes of 1 behind as the bottom has further ones."""
    start = axis_of(axis, step.x) if len(shape) else 0
    return dims((*shape, *[1] * (len(step.x) - start - len(shape))))


def operand(g, step, p, name, others):
    """The second bottom, or the weight of this name, so that it broadcasts over the first."""
    if others:
        shape = broadcast(step, p.axis, step.bottoms[1].shape)
        return others[0] if shape == dims(step.bottoms[1].shape) else g.reshape(others[0], shape)
    return spread(g, step, p, name)


def spread(g, step, p, name):
    return g.weight(step, name, broadcast(step, p.axis, step.weights[name].shape))


@onnx('Scale', 'EltwiseAffine')
def scale(g, step, x, *others):
    p = step.layer.settings
    factor = 'bias' if others else 'weight'
    y = g.op('Mul', x, operand(g, step, p, factor, others))
    return g.op('Add', y, spread(g, step, p, 'bias')) if p.bias_term else y


@onnx('Bias')
def bias(g, step, x, *others):
    return g.op('Add', x, operand(g, step, step.param.bias_param, 'bias', others))


@torch('Scale', 'EltwiseAffine')
def scale_torch(t, step, x, *others):
    p = step.layer.settings
    factor = operand_torch(t, step, p, 'bias' if others else 'weight', others)
    y = f'{x} * {factor}'
    return f'{y} + {spread_torch(t, step, p, "bias")}' if p.bias_term else y


@torch('Bias')
def bias_torch(t, step, x, *others):
    return f'{x} + {operand_torch(t, step, step.param.bias_param, "bias", others)}'


def operand_torch(t, step, p, name, others):
    if others:
        shape = step.bottoms[1].shape
        return reshaped(others[0], shape, broadcast(step, p.axis, shape))
    return spread_torch(t, step, p, name)


def spread_torch(t, step, p, name):
    shape = step.weights[name].shape
    return reshaped(t.parameter(step, name), shape, broadcast(step, p.axis, shape))


# -- slopes


@onnx('PReLU')
def prelu(g, step, x):
    return g.op('PRelu', x, g.weight(step, 'weight', channels(step)))


@torch('PReLU')
def prelu_torch(t, step, x):
    made = t.module(step, f'nn.PReLU({max(step.weights["weight"].count, 1)})')
    return f'{made}({x})'


def channels(step) -> list[int]:
    """The weight (C,) so that it lies along axis 1; or the one of all channels, as it is."""
    shape = step.weights['weight'].shape
    return [*shape, *[1] * (len(step.x) - 2)] if shape else []


# -- norms


@onnx('Axpy')
def axpy(g, step, a, x, y):
    shape = per_channel(step)
    a = a if shape == dims(step.x) else g.reshape(a, shape)
    return g.op('Add', g.op('Mul', a, x), y)


@torch('Axpy')
def axpy_torch(t, step, a, x, y):
    return f'{reshaped(a, step.x, per_channel(step))} * {x} + {y}'


def per_channel(step) -> list[int]:
    """The factors' shape so that they broadcast over x, (N, C, ...)."""
    x = step.bottoms[1].shape
    return dims((*x[:2], *[1] * (len(x) - 2)))


@onnx('Normalize')
def normalize(g, step, x):
    p = step.param.norm_param
    axes = list(range(1, len(step.x))) if p.across_spatial else [1]
    total = g.op('ReduceSum', g.op('Mul', x, x), axes, keepdims=1)
    norm = g.op('Sqrt', g.op('Add', total, p.eps))
    return g.op('Mul', g.op('Div', x, norm), g.weight(step, 'weight', channels(step)))


@torch('Normalize')
def normalize_torch(t, step, x):
    p = step.param.norm_param
    axes = tuple(range(1, len(step.x))) if p.across_spatial else 1
    weight = reshaped(t.parameter(step, 'weight'), step.weights['weight'].shape, channels(step))
    return t.call('normalize', x, weight, axes, number(p.eps))
