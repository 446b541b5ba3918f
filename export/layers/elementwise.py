"""Functions of one number at a time."""

import math

from ..registry import Inexpressible, onnx, torch
from ..text import number

# -- without parameters

SAME = {'AbsVal': 'Abs', 'BNLL': 'Softplus', 'Sigmoid': 'Sigmoid', 'TanH': 'Tanh'}
SAME_IN_TORCH = {
    'AbsVal': 'torch.abs',
    'BNLL': 'F.softplus',
    'Sigmoid': 'torch.sigmoid',
    'TanH': 'torch.tanh',
}


@onnx(*SAME)
def same(g, step, x):
    return g.op(SAME[step.type], x)


@torch(*SAME_IN_TORCH)
def same_torch(t, step, x):
    return f'{SAME_IN_TORCH[step.type]}({x})'


# -- rectifiers


@onnx('ReLU', 'ReLU6')
def relu(g, step, x):
    slope = slope_of(step)
    y = g.op('LeakyRelu', x, alpha=slope) if slope else g.op('Relu', x)
    return g.op('Min', y, 6.0) if step.type == 'ReLU6' else y


def slope_of(step) -> float:
    p = step.param.relu6_param if step.type == 'ReLU6' else step.param.relu_param
    return p.negative_slope


@torch('ReLU', 'ReLU6')
def relu_torch(t, step, x):
    slope = slope_of(step)
    if step.type == 'ReLU6' and not slope:
        return f'F.relu6({x})'
    y = f'F.leaky_relu({x}, {number(slope)})' if slope else f'F.relu({x})'
    return f'{y}.clamp(max=6)' if step.type == 'ReLU6' else y


@onnx('ELU')
def elu(g, step, x):
    return g.op('Elu', x, alpha=step.param.elu_param.alpha)


@torch('ELU')
def elu_torch(t, step, x):
    return f'F.elu({x}, {number(step.param.elu_param.alpha)})'


def mean_slope(step) -> float:
    """The slope of RReLU below 0 where it is not random."""
    return 2 / (step.layer.low + step.layer.high)


@onnx('RReLU')
def rrelu(g, step, x):
    return g.op('LeakyRelu', x, alpha=mean_slope(step))


@torch('RReLU')
def rrelu_torch(t, step, x):
    return f'F.leaky_relu({x}, {number(mean_slope(step))})'


@onnx('Swish')
def swish(g, step, x):
    return g.op('Mul', x, g.op('Sigmoid', scaled(g, x, step.param.swish_param.beta)))


@torch('Swish')
def swish_torch(t, step, x):
    return f'{x} * torch.sigmoid({scaled_text(x, step.param.swish_param.beta)})'


@onnx('Mish')
def mish(g, step, x):
    return g.op('Mul', x, g.op('Tanh', g.op('Softplus', x)))


@torch('Mish')
def mish_torch(t, step, x):
    return f'F.mish({x})'


@onnx('Clip')
def clip(g, step, x):
    p = step.param.clip_param
    return g.op('Clip', x, p.min, p.max)


@torch('Clip')
def clip_torch(t, step, x):
    p = step.param.clip_param
    return f'{x}.clamp({number(p.min)}, {number(p.max)})'


@onnx('Threshold')
def threshold(g, step, x):
    return g.cast(g.op('Greater', x, step.param.threshold_param.threshold), 'float')


@torch('Threshold')
def threshold_torch(t, step, x):
    return f'({x} > {number(step.param.threshold_param.threshold)}).to({x}.dtype)'


# -- scale and shift inside or outside


def scaled(g, x, scale, shift=0.0):
    """shift + scale x."""
    x = x if scale == 1 else g.op('Mul', x, float(scale))
    return g.op('Add', x, float(shift)) if shift else x


def scaled_text(x, scale, shift=0.0):
    x = x if scale == 1 else f'{number(scale)} * {x}'
    return f'{number(shift)} + {x}' if shift else x


@onnx('Power')
def power(g, step, x):
    p = step.param.power_param
    inner = scaled(g, x, p.scale, p.shift)
    if p.power == 1:
        return inner
    return g.op('Mul', inner, inner) if p.power == 2 else g.op('Pow', inner, p.power)


@torch('Power')
def power_torch(t, step, x):
    p = step.param.power_param
    inner = scaled_text(x, p.scale, p.shift)
    return inner if p.power == 1 else f'({inner}) ** {number(p.power)}'


def exp_parameters(step) -> tuple[float, float]:
    """y = outer exp(inner x)."""
    p = step.param.exp_param
    log_base = 1.0 if p.base == -1 else math.log(p.base)
    return log_base * p.scale, math.exp(log_base * p.shift)


@onnx('Exp')
def exp(g, step, x):
    inner, outer = exp_parameters(step)
    return scaled(g, g.op('Exp', scaled(g, x, inner)), outer)


@torch('Exp')
def exp_torch(t, step, x):
    inner, outer = exp_parameters(step)
    return scaled_text(f'torch.exp({scaled_text(x, inner)})', outer)


def log_factor(step) -> float:
    """By what the natural logarithm is multiplied."""
    base = step.param.log_param.base
    return 1.0 if base == -1 else 1 / math.log(base)


@onnx('Log')
def log(g, step, x):
    p = step.param.log_param
    return scaled(g, g.op('Log', scaled(g, x, p.scale, p.shift)), log_factor(step))


@torch('Log')
def log_torch(t, step, x):
    p = step.param.log_param
    return scaled_text(f'torch.log({scaled_text(x, p.scale, p.shift)})', log_factor(step))


# -- dropout, which is nothing in a net that is used


@onnx('Dropout', unless='sample_weights_test draws in a net that is used')
def dropout(g, step, x):
    p = step.param.dropout_param
    if p.sample_weights_test:
        raise Inexpressible('sample_weights_test: the top is random')
    return x if p.scale_train else g.op('Mul', x, 1 - p.dropout_ratio)


@torch('Dropout')
def dropout_torch(t, step, x):
    p = step.param.dropout_param
    always = 'True' if p.sample_weights_test else 'self.training'
    y = f'F.dropout({x}, {number(p.dropout_ratio)}, {always})'
    if p.scale_train:
        return y
    return t.call('dropout_without_scale', x, number(p.dropout_ratio), always)
