"""Factors and terms for each channel, learned or given: Scale, EltwiseAffine, Bias, PReLU, Axpy,
Normalize."""

from collections.abc import Sequence
from typing import Any

from ...proto.caffe_pb2 import BiasParameter, ScaleParameter
from ..batch import dims
from ..fields import axis_of
from ..onnx_graph import OnnxGraph, Tensor
from ..registry import onnx, torch
from ..steps import Step
from ..text import number, reshaped
from ..torch_module import TorchModule

Spread = ScaleParameter | BiasParameter


def broadcast(step: Step, p: Spread, shape: Sequence[int]) -> list[int]:
    """The operand's shape with as many axes of 1 behind as the bottom has further ones."""
    start = axis_of(p.axis, step.x) if len(shape) else 0
    further = len(step.x) - start - len(shape)
    return dims((*shape, *[1] * further))


# -- ONNX


@onnx('Scale', 'EltwiseAffine')
def scale(g: OnnxGraph, step: Step, x: Tensor, *others: Tensor) -> Tensor:
    layer: Any = step.layer
    p: ScaleParameter = layer.settings
    factor = given(g, step, p, *others) if others else spread(g, step, p, 'weight')
    y = x * factor
    return y + spread(g, step, p, 'bias') if p.bias_term else y


@onnx('Bias')
def bias(g: OnnxGraph, step: Step, x: Tensor, *others: Tensor) -> Tensor:
    p = step.param.bias_param
    term = given(g, step, p, *others) if others else spread(g, step, p, 'bias')
    return x + term


def given(g: OnnxGraph, step: Step, p: Spread, operand: Tensor) -> Tensor:
    """The second bottom, so that it broadcasts over the first."""
    shape = step.bottoms[1].shape
    wanted = broadcast(step, p, shape)
    return operand if wanted == dims(shape) else g.reshape(operand, wanted)


def spread(g: OnnxGraph, step: Step, p: Spread, name: str) -> Tensor:
    """A weight, so that it broadcasts over the bottom."""
    return g.weight(step, name, broadcast(step, p, step.weights[name].shape))


# -- PyTorch


@torch('Scale', 'EltwiseAffine')
def scale_torch(t: TorchModule, step: Step, x: str, *others: str) -> str:
    layer: Any = step.layer
    p: ScaleParameter = layer.settings
    factor = operand_torch(t, step, p, 'weight', others)
    if not p.bias_term:
        return f'{x} * {factor}'
    return f'{x} * {factor} + {spread_torch(t, step, p, "bias")}'


@torch('Bias')
def bias_torch(t: TorchModule, step: Step, x: str, *others: str) -> str:
    term = operand_torch(t, step, step.param.bias_param, 'bias', others)
    return f'{x} + {term}'


def operand_torch(t: TorchModule, step: Step, p: Spread, name: str, others: Sequence[str]) -> str:
    if not others:
        return spread_torch(t, step, p, name)
    shape = step.bottoms[1].shape
    return reshaped(others[0], shape, broadcast(step, p, shape))


def spread_torch(t: TorchModule, step: Step, p: Spread, name: str) -> str:
    shape = step.weights[name].shape
    return reshaped(t.parameter(step, name), shape, broadcast(step, p, shape))


# -- slopes


@onnx('PReLU')
def prelu(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    return g.op('PRelu', x, g.weight(step, 'weight', channels(step)))


@torch('PReLU')
def prelu_torch(t: TorchModule, step: Step, x: str) -> str:
    slopes = max(step.weights['weight'].count, 1)
    layer = t.module(step, f'nn.PReLU({slopes})')
    return f'{layer}({x})'


def channels(step: Step) -> list[int]:
    """The weight (C,) so that it lies along axis 1; or the one of all channels, as it is."""
    shape = step.weights['weight'].shape
    if not shape:
        return []
    return [*shape, *[1] * (len(step.x) - 2)]


# -- a factor for each channel of each image


@onnx('Axpy')
def axpy(g: OnnxGraph, step: Step, a: Tensor, x: Tensor, y: Tensor) -> Tensor:
    shape = per_channel(step)
    if shape != dims(step.x):
        a = g.reshape(a, shape)
    return a * x + y


@torch('Axpy')
def axpy_torch(t: TorchModule, step: Step, a: str, x: str, y: str) -> str:
    factor = reshaped(a, step.x, per_channel(step))
    return f'{factor} * {x} + {y}'


def per_channel(step: Step) -> list[int]:
    """The factors' shape so that they broadcast over x, (N, C, ...)."""
    x = step.bottoms[1].shape
    return dims((*x[:2], *[1] * (len(x) - 2)))


# -- to length 1


@onnx('Normalize')
def normalize(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    p = step.param.norm_param
    total = g.op('ReduceSum', x * x, normalized_axes(step), keepdims=1)
    length = g.op('Sqrt', total + p.eps)
    return x / length * g.weight(step, 'weight', channels(step))


@torch('Normalize')
def normalize_torch(t: TorchModule, step: Step, x: str) -> str:
    weight = t.parameter(step, 'weight')
    weight = reshaped(weight, step.weights['weight'].shape, channels(step))
    axes = plain_axes(normalized_axes(step))
    return t.call('normalize', x, weight, axes, number(step.param.norm_param.eps))


def normalized_axes(step: Step) -> list[int]:
    if step.param.norm_param.across_spatial:
        return list(range(1, len(step.x)))
    return [1]


def plain_axes(axes: list[int]) -> int | tuple[int, ...]:
    return axes[0] if len(axes) == 1 else tuple(axes)
