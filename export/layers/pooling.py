"""Pooling and pyramids of it: MaxPool, AveragePool; F.max_pool2d, F.avg_pool2d.

Caffe rounds the number of windows up, so the last one may reach beyond the padding, and an average
counts only the part of the padding that Caffe declares. Both are said by pads of one's own here,
never by ceil_mode, which frameworks round in different ways.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...netlib.shapes import pool_extent
from ...proto.caffe_pb2 import PoolingParameter, SPPParameter
from ..fields import pair
from ..onnx_graph import OnnxGraph, Tensor
from ..pooling_window import Window
from ..registry import Inexpressible, onnx, torch
from ..steps import Step
from ..text import arguments, plain
from ..torch_module import TorchModule

POOLING = 'it is STOCHASTIC, or an average or a mask of a window that sees nothing'
LOWEST = -3.4028234663852886e38  # what MAX gives for a window that sees nothing


def pooling_window(step: Step) -> Window:
    p = step.param.pooling_param
    kernel = pair(p, 'kernel_size', 'kernel')
    if p.global_pooling:
        kernel = (step.x[2], step.x[3])
    stride = pair(p, 'stride', 'stride', 1)
    pad = pair(p, 'pad', 'pad')
    return Window(step.x[2:], kernel, stride, pad, step.y[2:])


def is_max(p: PoolingParameter | SPPParameter) -> bool:
    if p.pool == p.STOCHASTIC:
        raise Inexpressible('pool: STOCHASTIC, which goodinit does not compute either')
    return p.pool == p.MAX


# -- ONNX


@onnx('Pooling', unless=POOLING)
def pooling(g: OnnxGraph, step: Step, x: Tensor) -> Tensor | list[Tensor]:
    window = pooling_window(step)
    if not is_max(step.param.pooling_param):
        return average(g, x, window)
    if len(step.tops) == 1:
        return largest(g, x, window)
    y, places = g.ops('MaxPool', x, outputs=2, **slide(window))
    # Places are counted over the whole tensor, Caffe's over one channel.
    area = np.array(window.size[0] * window.size[1])
    return [y, g.cast(g.op('Mod', places, area), 'float')]


def slide(window: Window) -> dict[str, Any]:
    if window.outside:
        raise Inexpressible('a window lies wholly beyond the image, with nothing to pool')
    pads = [*window.pad, *window.behind]
    return {'kernel_shape': list(window.kernel), 'strides': list(window.stride), 'pads': pads}


def largest(g: OnnxGraph, x: Tensor, window: Window) -> Tensor:
    if window.whole:
        return g.op('GlobalMaxPool', x)
    if not window.outside:
        return g.op('MaxPool', x, **slide(window))
    pads = [0, 0, *window.pad, 0, 0, *window.behind]
    padded = g.op('Pad', x, pads, LOWEST)
    kernel, stride = list(window.kernel), list(window.stride)
    return g.op('MaxPool', padded, kernel_shape=kernel, strides=stride)


def average(g: OnnxGraph, x: Tensor, window: Window) -> Tensor:
    if window.whole:
        return g.op('GlobalAveragePool', x)
    correction = correction_of(window)
    counted = {'count_include_pad': 1} if window.padded else {}
    y = g.op('AveragePool', x, **slide(window), **counted)
    return y if correction is None else y * correction


def correction_of(window: Window) -> np.ndarray | None:
    """By what an average over whole windows is to be multiplied; None where by nothing."""
    seen = window.seen()
    whole = window.kernel[0] * window.kernel[1]
    if (seen == whole).all():
        return None
    if (seen <= 0).any():
        raise Inexpressible('a window sees nothing, and its average is 0 / 0')
    return (whole / seen).astype(np.float32)


@onnx('SPP')
def spp(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    pool = largest if is_max(step.param.spp_param) else average
    levels = [pool(g, x, window) for window in pyramid(step)]
    if len(levels) == 1:
        return levels[0]
    return g.concat([g.op('Flatten', level, axis=1) for level in levels], axis=1)


def pyramid(step: Step) -> Iterator[Window]:
    """The windows of spatial pyramid pooling: 1, 2, 4, ... bins along each axis."""
    height, width = step.x[2:]
    for level in range(step.param.spp_param.pyramid_height):
        bins = 2**level
        kernel = (-(-height // bins), -(-width // bins))
        pad = (half_missing(height, kernel[0], bins), half_missing(width, kernel[1], bins))
        extents = []
        for n, k, p in zip((height, width), kernel, pad, strict=True):
            extents.append(pool_extent(n, k, k, p, padded=any(pad)))
        yield Window((height, width), kernel, kernel, pad, extents)


def half_missing(extent: int, kernel: int, bins: int) -> int:
    """Half of what the bins reach beyond an axis, rounded up."""
    return (kernel * bins - extent + 1) // 2


# -- PyTorch


@torch('Pooling', unless=POOLING)
def pooling_torch(t: TorchModule, step: Step, x: str) -> str:
    p, window = step.param.pooling_param, pooling_window(step)
    if len(step.tops) > 1:
        return t.call('max_pool_with_places', x, **spelled(window))
    return pool_torch(t, x, window, is_max(p))


def pool_torch(t: TorchModule, x: str, window: Window, largest: bool) -> str:
    if window.whole:
        function = 'amax' if largest else 'mean'
        return f'{x}.{function}((2, 3), keepdim=True)'
    rounding = window.rounding()
    if rounding is None:
        function = 'max_pool' if largest else 'average_pool'
        return t.call(function, x, **spelled(window))
    made = arguments(
        x,
        plain(window.kernel),
        plain(window.stride),
        padding=plain(window.pad),
        **rounding,
    )
    function = 'max' if largest else 'avg'
    return f'F.{function}_pool2d({made})'


def spelled(window: Window) -> dict[str, Any]:
    """The window as arguments of our own functions."""
    made = {'kernel': window.kernel, 'stride': window.stride, 'pad': window.pad}
    return {**made, 'behind': tuple(window.behind)}


@torch('SPP')
def spp_torch(t: TorchModule, step: Step, x: str) -> str:
    largest = is_max(step.param.spp_param)
    levels = [pool_torch(t, x, window, largest) for window in pyramid(step)]
    if len(levels) == 1:
        return levels[0]
    flat = ', '.join(f'{level}.flatten(1)' for level in levels)
    return f'torch.cat([{flat}], 1)'
