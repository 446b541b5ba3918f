"""Convolution and its transpose: Conv, ConvTranspose; nn.Conv2d, nn.ConvTranspose2d and so on."""

import numpy as np

from ...netlib.shapes import count
from ..batch import dims
from ..fields import axis_of, sliding
from ..registry import Inexpressible, onnx, torch
from ..text import arguments, plain

DEPTHWISE = ('DepthwiseConvolution', 'ConvolutionDepthwise')
TOO_MANY = 'there are more than 3 spatial axes'
MOST_AXES = 3  # beyond that neither onnxruntime nor PyTorch slides


def window(step):
    """Kernel, stride, pad and dilation; without spatial axes those of one axis of extent 1."""
    channel = axis_of(step.param.convolution_param.axis, step.x)
    axes = len(step.x) - channel - 1
    if axes > MOST_AXES:
        raise Inexpressible(f'{axes} spatial axes; at most {MOST_AXES} can be expressed')
    return sliding(step.param.convolution_param, axes) if axes else ((1,), (1,), (0,), (1,))


def folded(step) -> list[int]:
    """The bottom's shape as (N, C, ...), with at least one spatial axis."""
    channel = axis_of(step.param.convolution_param.axis, step.x)
    inner = step.x[channel:] if len(step.x) > channel + 1 else (*step.x[channel:], 1)
    return dims((count(step.x, 0, channel), *inner))


def groups(step) -> int:
    channels = step.x[axis_of(step.param.convolution_param.axis, step.x)]
    weight = step.weights['weight']
    if step.type == 'Deconvolution':
        return step.param.convolution_param.num_output // weight.shape[1]
    return channels // weight.shape[1]


@onnx('Convolution', 'Deconvolution', *DEPTHWISE, unless=TOO_MANY)
def convolution(g, step, *xs):
    return [slide(g, step, x) for x in xs]


def slide(g, step, x):
    kernel, stride, pad, dilation = window(step)
    weight = g.weight(step, 'weight')
    if len(kernel) > len(step.weights['weight'].shape) - 2:
        weight = g.reshape(weight, [*step.weights['weight'].shape, 1])
    x = x if folded(step) == dims(step.x) else g.reshape(x, folded(step))
    if step.type != 'Deconvolution' and max(kernel) == 1 and any(pad):
        # OpenCV 5.0 forgets the padding of a kernel of 1 x 1.
        x = g.op('Pad', x, [0, 0, *pad, 0, 0, *pad])
        pad = (0,) * len(pad)
    y = g.op(
        'ConvTranspose' if step.type == 'Deconvolution' else 'Conv',
        x,
        weight,
        *g.weights(step, 'bias'),
        kernel_shape=list(kernel),
        strides=list(stride),
        pads=[*pad, *pad],
        dilations=list(dilation),
        group=groups(step),
    )
    return y if folded(step) == dims(step.x) else g.reshape(y, dims(step.y))


@torch('Convolution', 'Deconvolution', *DEPTHWISE, unless='there are 0 or over 3 spatial axes')
def convolution_torch(t, step, *xs):
    kernel, stride, pad, dilation = window(step)
    if len(kernel) > len(step.weights['weight'].shape) - 2:
        raise Inexpressible('a convolution without spatial axes')
    kind = 'ConvTranspose' if step.type == 'Deconvolution' else 'Conv'
    made = arguments(
        folded(step)[1],
        step.param.convolution_param.num_output,
        plain(kernel),
        stride=plain(stride),
        padding=plain(pad),
        dilation=plain(dilation),
        groups=groups(step),
        bias='bias' in step.weights,
    )
    layer = t.module(step, f'nn.{kind}{len(kernel)}d({made})')
    if folded(step) == dims(step.x):
        return [f'{layer}({x})' for x in xs]
    return [f'{layer}({x}.reshape({folded(step)})).reshape({dims(step.y)})' for x in xs]


@onnx('Im2col', unless=TOO_MANY)
def im2col(g, step, x):
    kernel, stride, pad, dilation = window(step)
    channels, patch = folded(step)[1], count(kernel)
    one_hot = np.eye(patch, dtype=np.float32).reshape(patch, 1, *kernel)
    y = g.op(
        'Conv',
        x if folded(step) == dims(step.x) else g.reshape(x, folded(step)),
        np.tile(one_hot, (channels, *[1] * (len(kernel) + 1))),
        kernel_shape=list(kernel),
        strides=list(stride),
        pads=[*pad, *pad],
        dilations=list(dilation),
        group=channels,
    )
    return y if folded(step) == dims(step.x) else g.reshape(y, dims(step.y))


@torch('Im2col', unless='there are not 2 spatial axes')
def im2col_torch(t, step, x):
    kernel, stride, pad, dilation = window(step)
    if len(kernel) != 2 or folded(step) != dims(step.x):
        raise Inexpressible('F.unfold slides over two spatial axes')
    made = arguments(
        x, plain(kernel), dilation=plain(dilation), padding=plain(pad), stride=plain(stride)
    )
    return f'F.unfold({made}).reshape({dims(step.y)})'
