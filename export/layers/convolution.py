"""Convolution and its transpose: Conv, ConvTranspose; nn.Conv2d, nn.ConvTranspose2d and so on."""

from typing import Any

import numpy as np

from ...netlib.shapes import count
from ..batch import dims
from ..fields import Sliding, axis_of, sliding
from ..onnx_graph import OnnxGraph, Tensor
from ..registry import Inexpressible, onnx, torch
from ..steps import Step
from ..text import arguments, plain
from ..torch_module import TorchModule

DEPTHWISE = ('DepthwiseConvolution', 'ConvolutionDepthwise')
TOO_MANY = 'there are more than 3 spatial axes'
MOST_AXES = 3  # beyond that neither onnxruntime nor PyTorch slides
POINT = Sliding(kernel=(1,), stride=(1,), pad=(0,), dilation=(1,))


def channel_axis(step: Step) -> int:
    return axis_of(step.param.convolution_param.axis, step.x)


def window(step: Step) -> Sliding:
    """How the kernel slides; without spatial axes as over one of extent 1."""
    axes = len(step.x) - channel_axis(step) - 1
    if axes > MOST_AXES:
        raise Inexpressible(f'{axes} spatial axes; at most {MOST_AXES} can be expressed')
    if axes == 0:
        return POINT
    return sliding(step.param.convolution_param, axes)


def folded(step: Step) -> list[int]:
    """The bottom's shape as (N, C, ...), with at least one spatial axis."""
    channel = channel_axis(step)
    inner = step.x[channel:]
    if len(inner) == 1:
        inner = (*inner, 1)
    return dims((count(step.x, 0, channel), *inner))


def is_plain(step: Step) -> bool:
    """Whether the bottom is (N, C, ...) already."""
    return folded(step) == dims(step.x)


def groups(step: Step) -> int:
    weight = step.weights['weight']
    if step.type == 'Deconvolution':
        return step.param.convolution_param.num_output // weight.shape[1]
    return step.x[channel_axis(step)] // weight.shape[1]


def without_axes(step: Step) -> bool:
    """Whether the kernel has no spatial axes."""
    return len(step.weights['weight'].shape) == 2


# -- ONNX


@onnx('Convolution', 'Deconvolution', *DEPTHWISE, unless=TOO_MANY)
def convolution(g: OnnxGraph, step: Step, *xs: Tensor) -> list[Tensor]:
    return [convolved(g, step, x) for x in xs]


def convolved(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    slide = window(step)
    weight = g.weight(step, 'weight')
    if without_axes(step):
        weight = g.reshape(weight, [*step.weights['weight'].shape, 1])
    if not is_plain(step):
        x = g.reshape(x, folded(step))
    transposed = step.type == 'Deconvolution'
    if not transposed and max(slide.kernel) == 1 and any(slide.pad):
        # OpenCV 5.0 forgets the padding of a kernel of 1 x 1.
        x = g.op('Pad', x, [0, 0, *slide.pad] * 2)
        slide = slide.without_pad()
    kind = 'ConvTranspose' if transposed else 'Conv'
    y = g.op(kind, x, weight, *g.bias(step), **attributes(slide, groups(step)))
    return y if is_plain(step) else g.reshape(y, dims(step.y))


def attributes(slide: Sliding, group: int) -> dict[str, Any]:
    return {
        'kernel_shape': list(slide.kernel),
        'strides': list(slide.stride),
        'pads': [*slide.pad, *slide.pad],
        'dilations': list(slide.dilation),
        'group': group,
    }


@onnx('Im2col', unless=TOO_MANY)
def im2col(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    """A convolution whose kernels each pick one number of the patch."""
    slide = window(step)
    channels, patch = folded(step)[1], count(slide.kernel)
    one_hot = np.eye(patch, dtype=np.float32).reshape(patch, 1, *slide.kernel)
    kernels = np.concatenate([one_hot] * channels)
    if not is_plain(step):
        x = g.reshape(x, folded(step))
    y = g.op('Conv', x, kernels, **attributes(slide, channels))
    return y if is_plain(step) else g.reshape(y, dims(step.y))


# -- PyTorch


@torch('Convolution', 'Deconvolution', *DEPTHWISE, unless='there are 0 or over 3 spatial axes')
def convolution_torch(t: TorchModule, step: Step, *xs: str) -> list[str]:
    slide = window(step)
    if without_axes(step):
        raise Inexpressible('a convolution without spatial axes')
    kind = 'ConvTranspose' if step.type == 'Deconvolution' else 'Conv'
    made = arguments(
        folded(step)[1],
        step.param.convolution_param.num_output,
        plain(slide.kernel),
        stride=plain(slide.stride),
        padding=plain(slide.pad),
        dilation=plain(slide.dilation),
        groups=groups(step),
        bias='bias' in step.weights,
    )
    layer = t.module(step, f'nn.{kind}{len(slide.kernel)}d({made})')
    if is_plain(step):
        return [f'{layer}({x})' for x in xs]
    shape, back = folded(step), dims(step.y)
    return [f'{layer}({x}.reshape({shape})).reshape({back})' for x in xs]


@torch('Im2col', unless='there are not 2 spatial axes')
def im2col_torch(t: TorchModule, step: Step, x: str) -> str:
    slide = window(step)
    if len(slide.kernel) != 2 or not is_plain(step):
        raise Inexpressible('F.unfold slides over two spatial axes')
    made = arguments(
        x,
        plain(slide.kernel),
        dilation=plain(slide.dilation),
        padding=plain(slide.pad),
        stride=plain(slide.stride),
    )
    return f'F.unfold({made}).reshape({dims(step.y)})'
