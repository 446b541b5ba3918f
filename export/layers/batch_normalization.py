"""Batch normalization: BatchNorm with the Scale after it, and BN as forks had it."""

import numpy as np

from ...proto.caffe_pb2 import BNParameter
from ..fields import axis_of
from ..onnx_graph import OnnxGraph, Tensor, as_float32
from ..registry import Inexpressible, onnx, torch
from ..steps import Step
from ..text import arguments, number
from ..torch_module import TorchModule

# -- BatchNorm


@onnx('BatchNorm')
def batch_norm(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    p = step.param.batch_norm_param
    if uses_batch(step):
        return scaled(step, by_batch(g, step, x, 1, p.eps))
    values = statistics(step)
    values['weight'] = np.ones(step.x[1], np.float32)
    values['bias'] = np.zeros(step.x[1], np.float32)
    for name, param in step.scale.items():
        values[name] = as_float32(param).reshape(step.x[1])
    given = []
    for name in ('weight', 'bias', 'running_mean', 'running_var'):
        given.append(g.constant(values[name], f'{step.name}.{name}'))
    return g.op('BatchNormalization', x, *given, epsilon=p.eps)


def uses_batch(step: Step) -> bool:
    """Whether it normalizes by its batch even in a net that is only used."""
    p = step.param.batch_norm_param
    return p.HasField('use_global_stats') and not p.use_global_stats


def statistics(step: Step) -> dict[str, np.ndarray]:
    """The stored mean and variance; both are kept times a factor, the third blob."""
    factor = float(step.weights['factor'].values.item())
    scale = np.float32(1 / factor if factor else 0.0)
    values = {}
    for name in ('running_mean', 'running_var'):
        kept = step.weights[name].values.array() * scale
        values[name] = kept.astype(np.float32).reshape(step.x[1])
    return values


def scaled(step: Step, x: Tensor) -> Tensor:
    """What a Scale taken up makes of it."""
    if not step.scale:
        return x
    shape = [step.x[1], *[1] * (len(step.x) - 2)]
    y = x * as_float32(step.scale['weight']).reshape(shape)
    return y + as_float32(step.scale['bias']).reshape(shape)


def by_batch(g: OnnxGraph, step: Step, x: Tensor, channel: int, eps: float) -> Tensor:
    """(x - mean) / sqrt(var + eps) over all axes but the channels'."""
    axes = [axis for axis in range(len(step.x)) if axis != channel]
    centered = x - g.op('ReduceMean', x, axes=axes, keepdims=1)
    var = g.op('ReduceMean', centered * centered, axes=axes, keepdims=1)
    return centered / g.op('Sqrt', var + eps)


@torch('BatchNorm', unless='there are more than 5 axes')
def batch_norm_torch(t: TorchModule, step: Step, x: str) -> str:
    p = step.param.batch_norm_param
    if len(step.x) > 5:
        raise Inexpressible(f'{len(step.x)} axes; batch normalization has at most 5')
    named = {'eps': number(p.eps), 'momentum': momentum(p.moving_average_fraction)}
    if not step.scale:
        named['affine'] = 'False'
    layer = t.module(step, f'nn.{torch_class(step)}({arguments(step.x[1], **named)})')
    return applied(t, layer, x, uses_batch(step), p.use_global_stats)


def applied(t: TorchModule, layer: str, x: str, by_batch: bool, stored: bool) -> str:
    """A module of PyTorch's applied to x: by the batch, or by stored statistics, in training and
    after it; else as PyTorch does, by the batch in training only."""
    if by_batch:
        return t.call('batch_norm', layer, x)
    if stored:
        return t.call('batch_norm', layer, x, training='False')
    return f'{layer}({x})'


def torch_class(step: Step) -> str:
    """The class for so many axes."""
    spatial = max(len(step.x) - 2, 1)
    return f'BatchNorm{spatial}d'


def momentum(fraction: float) -> str:
    """PyTorch's, which is the part that a new batch has."""
    return number(round(1 - fraction, 6))


# -- BN


@onnx('BN', unless='the mean and variance of the batch are asked for as tops')
def bn(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    channel = axis_of(step.param.bn_param.axis, step.x)
    shape = [step.x[channel], *[1] * (len(step.x) - channel - 1)]
    if bn_uses_batch(step):
        if len(step.tops) > 1:
            raise Inexpressible('the mean and variance of the batch as further tops')
        x = by_batch(g, step, x, channel, bn_eps(step))
    elif 'running_var' in step.weights:
        mean, var = bn_statistics(step, shape)
        x = x - mean.astype(np.float32)
        x = x * (1 / np.sqrt(var + bn_eps(step))).astype(np.float32)
    return x * g.weight(step, 'weight', shape) + g.weight(step, 'bias', shape)


def bn_statistics(step: Step, shape: list[int]) -> list[np.ndarray]:
    """The stored mean and variance, in float64."""
    stored = [step.weights[name] for name in ('running_mean', 'running_var')]
    return [param.values.array().astype(np.float64).reshape(shape) for param in stored]


def bn_eps(step: Step) -> float:
    p = step.param.bn_param
    if 'running_var' not in step.weights:
        return 1e-9
    return p.var_eps if is_older(p) else p.eps


def is_older(p: BNParameter) -> bool:
    """Whether it is the BN of PSPNet's older branch."""
    return any(p.HasField(field) for field in ('moving_average', 'decay', 'var_eps'))


def bn_uses_batch(step: Step) -> bool:
    """Whether BN normalizes by its batch even in a net that is only used."""
    p = step.param.bn_param
    if 'running_var' not in step.weights:
        return p.bn_mode == p.LEARN
    return not p.frozen and is_older(p) and not p.moving_average


@torch('BN', unless='it is along another axis than the channels, or has further tops')
def bn_torch(t: TorchModule, step: Step, x: str) -> str:
    p = step.param.bn_param
    if p.axis != 1 or len(step.tops) > 1:
        raise Inexpressible('BN along another axis than the channels, or with further tops')
    if 'running_var' not in step.weights:
        return bn_without_statistics(t, step, x)
    decay = number(p.decay) if is_older(p) else momentum(p.momentum)
    made = arguments(step.x[1], eps=number(bn_eps(step)), momentum=decay)
    layer = t.module(step, f'nn.{torch_class(step)}({made})')
    return applied(t, layer, x, bn_uses_batch(step), p.frozen)


def bn_without_statistics(t: TorchModule, step: Step, x: str) -> str:
    """SegNet's BN, which keeps none."""
    if bn_uses_batch(step):
        eps = number(bn_eps(step))
        return t.call('batch_norm_of_batch', t.weights(step), x, eps=eps)
    return t.call('scale_channels', t.weights(step), x)
