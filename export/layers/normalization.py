"""Normalization: by stored statistics, by those of the data, by neighbors, to a sum of 1."""

import numpy as np

from ..fields import axis_of
from ..registry import Inexpressible, onnx, torch
from ..text import arguments, number

# -- by each channel's mean and variance


def statistics(step) -> tuple[np.ndarray, np.ndarray]:
    """BatchNorm's stored mean and variance; both are kept times a factor, the third blob."""
    factor = float(step.weights['factor'].values.item())
    scale = 1 / factor if factor else 0.0
    mean = step.weights['running_mean'].values.array() * np.float32(scale)
    var = step.weights['running_var'].values.array() * np.float32(scale)
    return mean.astype(np.float32), var.astype(np.float32)


def uses_batch(step) -> bool:
    p = step.param.batch_norm_param
    return p.HasField('use_global_stats') and not p.use_global_stats


@onnx('BatchNorm')
def batch_norm(g, step, x):
    p = step.param.batch_norm_param
    if uses_batch(step):
        return scaled(g, step, by_batch(g, step, x, 1, p.eps))
    channels = step.x[1]
    weight = bias = None
    if step.scale:
        weight, bias = (step.scale[name].values.array() for name in ('weight', 'bias'))
    return stored_norm(g, step, x, p.eps, *statistics(step), weight, bias, channels)


def stored_norm(g, step, x, eps, mean, var, weight, bias, channels):
    """BatchNormalization, which wants all four parameters."""
    weight = np.ones(channels, np.float32) if weight is None else weight
    bias = np.zeros(channels, np.float32) if bias is None else bias
    named = {'weight': weight, 'bias': bias, 'running_mean': mean, 'running_var': var}
    given = []
    for name, array in named.items():
        array = array.reshape(channels).astype(np.float32, copy=False)
        given.append(g.constant(array, f'{step.name}.{name}'))
    return g.op('BatchNormalization', x, *given, epsilon=eps)


def scaled(g, step, x):
    """What a Scale taken up makes of it."""
    if not step.scale:
        return x
    shape = [step.x[1], *[1] * (len(step.x) - 2)]
    weight, bias = (step.scale[name].values.array().reshape(shape) for name in ('weight', 'bias'))
    return g.op('Add', g.op('Mul', x, weight.astype(np.float32)), bias.astype(np.float32))


def by_batch(g, step, x, channel, eps):
    """(x - mean) / sqrt(var + eps) over all axes but the channels'."""
    axes = [axis for axis in range(len(step.x)) if axis != channel]
    centered = g.op('Sub', x, g.op('ReduceMean', x, axes=axes, keepdims=1))
    var = g.op('ReduceMean', g.op('Mul', centered, centered), axes=axes, keepdims=1)
    return g.op('Div', centered, g.op('Sqrt', g.op('Add', var, eps)))


@torch('BatchNorm', unless='there are more than 5 axes')
def batch_norm_torch(t, step, x):
    p = step.param.batch_norm_param
    made = arguments(
        step.x[1],
        eps=number(p.eps),
        momentum=number(round(1 - p.moving_average_fraction, 6)),
        affine=bool(step.scale),
    )
    kind = 'BatchNorm1d' if len(step.x) < 4 else f'BatchNorm{len(step.x) - 2}d'
    if len(step.x) > 5:
        raise Inexpressible(f'{len(step.x)} axes; batch normalization has at most 5')
    layer = t.module(step, f'nn.{kind}({made.replace(", affine=True", "")})')
    if uses_batch(step):
        return t.call('batch_norm', layer, x)
    if p.HasField('use_global_stats') and p.use_global_stats:
        return t.call('batch_norm', layer, x, training='False')
    return f'{layer}({x})'


# -- BN, as forks had it


@onnx('BN', unless='the mean and variance of the batch are asked for as tops')
def bn(g, step, x):
    p, eps = step.param.bn_param, bn_eps(step)
    channel = axis_of(p.axis, step.x)
    shape = [step.x[channel], *[1] * (len(step.x) - channel - 1)]
    if bn_uses_batch(step):
        if len(step.tops) > 1:
            raise Inexpressible('the mean and variance of the batch as further tops')
        y = by_batch(g, step, x, channel, eps)
    elif 'running_var' not in step.weights:
        y = x
    else:
        mean, var = (step.weights[f'running_{name}'].values.array() for name in ('mean', 'var'))
        inverse = (1 / np.sqrt(var.astype(np.float64) + eps)).reshape(shape)
        y = g.op('Sub', x, mean.astype(np.float32).reshape(shape))
        y = g.op('Mul', y, inverse.astype(np.float32))
    y = g.op('Mul', y, g.weight(step, 'weight', shape))
    return g.op('Add', y, g.weight(step, 'bias', shape))


def bn_eps(step) -> float:
    p = step.param.bn_param
    if 'running_var' not in step.weights:
        return 1e-9
    return p.var_eps if is_older(p) else p.eps


def is_older(p) -> bool:
    """Whether it is the BN of PSPNet's older branch."""
    return any(p.HasField(field) for field in ('moving_average', 'decay', 'var_eps'))


def bn_uses_batch(step) -> bool:
    """Whether BN normalizes by its batch even in a net that is only used."""
    p = step.param.bn_param
    if 'running_var' not in step.weights:
        return p.bn_mode == p.LEARN
    return not p.frozen and is_older(p) and not p.moving_average


@torch('BN', unless='it is along another axis than the channels, or has further tops')
def bn_torch(t, step, x):
    p = step.param.bn_param
    if p.axis != 1 or len(step.tops) > 1:
        raise Inexpressible('BN along another axis than the channels, or with further tops')
    if 'running_var' not in step.weights:
        function = 'batch_norm_of_batch' if bn_uses_batch(step) else 'scale_channels'
        named = {'eps': number(bn_eps(step))} if bn_uses_batch(step) else {}
        return t.call(function, t.weights(step), x, **named)
    momentum = p.decay if is_older(p) else round(1 - p.momentum, 6)
    made = arguments(step.x[1], eps=number(bn_eps(step)), momentum=number(momentum))
    kind = 'BatchNorm1d' if len(step.x) < 4 else f'BatchNorm{len(step.x) - 2}d'
    layer = t.module(step, f'nn.{kind}({made})')
    if bn_uses_batch(step):
        return t.call('batch_norm', layer, x)
    return t.call('batch_norm', layer, x, training='False') if p.frozen else f'{layer}({x})'


# -- by each sample's own mean and deviation


@onnx('MVN')
def mvn(g, step, x):
    p = step.param.mvn_param
    axes = list(range(1 if p.across_channels else 2, len(step.x)))
    if not axes:
        return g.op('Sub', x, x) if not p.normalize_variance else g.op('Mul', x, 0.0)
    centered = g.op('Sub', x, g.op('ReduceMean', x, axes=axes, keepdims=1))
    if not p.normalize_variance:
        return centered
    var = g.op('ReduceMean', g.op('Mul', centered, centered), axes=axes, keepdims=1)
    return g.op('Div', centered, g.op('Add', g.op('Sqrt', var), p.eps))


@torch('MVN')
def mvn_torch(t, step, x):
    p = step.param.mvn_param
    axes = tuple(range(1 if p.across_channels else 2, len(step.x)))
    eps = number(p.eps) if p.normalize_variance else None
    return t.call('mean_variance_normalize', x, axes, **({'eps': eps} if eps else {}))


# -- by neighbors


@onnx('LRN')
def lrn(g, step, x):
    p = step.param.lrn_param
    if p.norm_region == p.ACROSS_CHANNELS:
        return g.op('LRN', x, size=p.local_size, alpha=p.alpha, beta=p.beta, bias=p.k)
    pad = (p.local_size - 1) // 2
    sizes = {'kernel_shape': [p.local_size] * 2, 'pads': [pad] * 4, 'strides': [1, 1]}
    average = g.op('AveragePool', g.op('Mul', x, x), count_include_pad=1, **sizes)
    scale = g.op('Add', g.op('Mul', average, p.alpha), 1.0)
    return g.op('Mul', x, g.op('Pow', scale, -p.beta))


@torch('LRN')
def lrn_torch(t, step, x):
    p = step.param.lrn_param
    made = (p.local_size, number(p.alpha), number(p.beta))
    if p.norm_region == p.ACROSS_CHANNELS:
        return f'F.local_response_norm({arguments(x, *made, number(p.k))})'
    return t.call('lrn_within_channel', x, *made)


# -- to probabilities


@onnx('Softmax')
def softmax(g, step, x):
    return g.op('Softmax', x, axis=axis_of(step.param.softmax_param.axis, step.x))


@torch('Softmax')
def softmax_torch(t, step, x):
    return f'{x}.softmax({axis_of(step.param.softmax_param.axis, step.x)})'
