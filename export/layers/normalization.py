"""Normalization by each sample's own mean and deviation, by neighbors, to a sum of 1.
batch_normalization.py has that by the statistics of many."""

from ..fields import axis_of
from ..onnx_graph import OnnxGraph, Tensor
from ..registry import onnx, torch
from ..steps import Step
from ..text import arguments, number
from ..torch_module import TorchModule

# -- by each sample's own mean and deviation


@onnx('MVN')
def mvn(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    p, axes = step.param.mvn_param, mvn_axes(step)
    if not axes:
        return x * 0.0 if p.normalize_variance else x - x
    centered = x - mean(g, x, axes)
    if not p.normalize_variance:
        return centered
    deviation = g.op('Sqrt', mean(g, centered * centered, axes))
    return centered / (deviation + p.eps)


def mean(g: OnnxGraph, x: Tensor, axes: list[int]) -> Tensor:
    return g.op('ReduceMean', x, axes=axes, keepdims=1)


def mvn_axes(step: Step) -> list[int]:
    first = 1 if step.param.mvn_param.across_channels else 2
    return list(range(first, len(step.x)))


@torch('MVN')
def mvn_torch(t: TorchModule, step: Step, x: str) -> str:
    p = step.param.mvn_param
    named = {'eps': number(p.eps)} if p.normalize_variance else {}
    return t.call('mean_variance_normalize', x, tuple(mvn_axes(step)), **named)


# -- by neighbors


@onnx('LRN')
def lrn(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    p = step.param.lrn_param
    if p.norm_region == p.ACROSS_CHANNELS:
        return g.op('LRN', x, size=p.local_size, alpha=p.alpha, beta=p.beta, bias=p.k)
    average = g.op(
        'AveragePool',
        x * x,
        kernel_shape=[p.local_size] * 2,
        pads=[(p.local_size - 1) // 2] * 4,
        strides=[1, 1],
        count_include_pad=1,
    )
    scale = average * p.alpha + 1.0
    return x * g.op('Pow', scale, -p.beta)


@torch('LRN')
def lrn_torch(t: TorchModule, step: Step, x: str) -> str:
    p = step.param.lrn_param
    given = (x, p.local_size, number(p.alpha), number(p.beta))
    if p.norm_region == p.ACROSS_CHANNELS:
        return f'F.local_response_norm({arguments(*given, number(p.k))})'
    return t.call('lrn_within_channel', *given)


# -- to probabilities


@onnx('Softmax')
def softmax(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    return g.op('Softmax', x, axis=softmax_axis(step))


@torch('Softmax')
def softmax_torch(t: TorchModule, step: Step, x: str) -> str:
    return f'{x}.softmax({softmax_axis(step)})'


def softmax_axis(step: Step) -> int:
    return axis_of(step.param.softmax_param.axis, step.x)
