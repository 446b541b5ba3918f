"""Functions of one number at a time."""

import math

from ..onnx_graph import OnnxGraph, Tensor
from ..registry import Inexpressible, onnx, torch
from ..steps import Step
from ..text import number
from ..torch_module import TorchModule

# -- without parameters

SAME = {'AbsVal': 'Abs', 'BNLL': 'Softplus', 'Sigmoid': 'Sigmoid', 'TanH': 'Tanh'}
SAME_IN_TORCH = {
    'AbsVal': 'torch.abs',
    'BNLL': 'F.softplus',
    'Mish': 'F.mish',
    'Sigmoid': 'torch.sigmoid',
    'TanH': 'torch.tanh',
}


@onnx(*SAME)
def same(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    return g.op(SAME[step.type], x)


@torch(*SAME_IN_TORCH)
def same_torch(t: TorchModule, step: Step, x: str) -> str:
    return f'{SAME_IN_TORCH[step.type]}({x})'


@onnx('Mish')
def mish(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    return x * g.op('Tanh', g.op('Softplus', x))


# -- rectifiers


@onnx('ReLU')
def relu(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    return rectified(g, x, step.param.relu_param.negative_slope)


@onnx('ReLU6')
def relu6(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    y = rectified(g, x, step.param.relu6_param.negative_slope)
    return g.op('Min', y, 6.0)


def rectified(g: OnnxGraph, x: Tensor, slope: float) -> Tensor:
    if slope:
        return g.op('LeakyRelu', x, alpha=slope)
    return g.op('Relu', x)


@torch('ReLU')
def relu_torch(t: TorchModule, step: Step, x: str) -> str:
    return rectified_text(x, step.param.relu_param.negative_slope)


@torch('ReLU6')
def relu6_torch(t: TorchModule, step: Step, x: str) -> str:
    slope = step.param.relu6_param.negative_slope
    if not slope:
        return f'F.relu6({x})'
    return f'{rectified_text(x, slope)}.clamp(max=6)'


def rectified_text(x: str, slope: float) -> str:
    if slope:
        return f'F.leaky_relu({x}, {number(slope)})'
    return f'F.relu({x})'


@onnx('ELU')
def elu(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    return g.op('Elu', x, alpha=step.param.elu_param.alpha)


@torch('ELU')
def elu_torch(t: TorchModule, step: Step, x: str) -> str:
    alpha = number(step.param.elu_param.alpha)
    return f'F.elu({x}, {alpha})'


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
def swish(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    beta = step.param.swish_param.beta
    return x * g.op('Sigmoid', scaled(x, beta))


@torch('Swish')
def swish_torch(t: TorchModule, step: Step, x: str) -> str:
    beta = step.param.swish_param.beta
    return f'{x} * torch.sigmoid({scaled_text(x, beta)})'


@onnx('Clip')
def clip(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    p = step.param.clip_param
    return g.op('Clip', x, p.min, p.max)


@torch('Clip')
def clip_torch(t: TorchModule, step: Step, x: str) -> str:
    p = step.param.clip_param
    return f'{x}.clamp({number(p.min)}, {number(p.max)})'


@onnx('Threshold')
def threshold(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    above = g.op('Greater', x, step.param.threshold_param.threshold)
    return g.cast(above, 'float')


@torch('Threshold')
def threshold_torch(t: TorchModule, step: Step, x: str) -> str:
    least = number(step.param.threshold_param.threshold)
    return f'({x} > {least}).to({x}.dtype)'


# -- scale and shift inside or outside


def scaled(x: Tensor, scale: float, shift: float = 0.0) -> Tensor:
    """shift + scale x."""
    if scale != 1:
        x = x * float(scale)
    if shift:
        x = x + float(shift)
    return x


def scaled_text(x: str, scale: float, shift: float = 0.0) -> str:
    if scale != 1:
        x = f'{number(scale)} * {x}'
    if shift:
        x = f'{number(shift)} + {x}'
    return x


@onnx('Power')
def power(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    p = step.param.power_param
    inner = scaled(x, p.scale, p.shift)
    if p.power == 1:
        return inner
    if p.power == 2:
        return inner * inner
    return g.op('Pow', inner, p.power)


@torch('Power')
def power_torch(t: TorchModule, step: Step, x: str) -> str:
    p = step.param.power_param
    inner = scaled_text(x, p.scale, p.shift)
    if p.power == 1:
        return inner
    return f'({inner}) ** {number(p.power)}'


def exp_parameters(step: Step) -> tuple[float, float]:
    """y = outer exp(inner x)."""
    p = step.param.exp_param
    log_base = natural_log(p.base)
    return log_base * p.scale, math.exp(log_base * p.shift)


def natural_log(base: float) -> float:
    """The logarithm of the base of Exp and Log, of which -1 stands for e."""
    return 1.0 if base == -1 else math.log(base)


@onnx('Exp')
def exp(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    inner, outer = exp_parameters(step)
    return scaled(g.op('Exp', scaled(x, inner)), outer)


@torch('Exp')
def exp_torch(t: TorchModule, step: Step, x: str) -> str:
    inner, outer = exp_parameters(step)
    return scaled_text(f'torch.exp({scaled_text(x, inner)})', outer)


@onnx('Log')
def log(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    p = step.param.log_param
    y = g.op('Log', scaled(x, p.scale, p.shift))
    return scaled(y, 1 / natural_log(p.base))


@torch('Log')
def log_torch(t: TorchModule, step: Step, x: str) -> str:
    p = step.param.log_param
    y = f'torch.log({scaled_text(x, p.scale, p.shift)})'
    return scaled_text(y, 1 / natural_log(p.base))


# -- dropout, which is nothing in a net that is used


@onnx('Dropout', unless='sample_weights_test draws in a net that is used')
def dropout(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    p = step.param.dropout_param
    if p.sample_weights_test:
        raise Inexpressible('sample_weights_test: the top is random')
    if p.scale_train:
        return x
    return x * (1 - p.dropout_ratio)


@torch('Dropout')
def dropout_torch(t: TorchModule, step: Step, x: str) -> str:
    p = step.param.dropout_param
    ratio = number(p.dropout_ratio)
    drops = 'True' if p.sample_weights_test else 'self.training'
    if p.scale_train:
        return f'F.dropout({x}, {ratio}, {drops})'
    return t.call('dropout_without_scale', x, ratio, drops)
