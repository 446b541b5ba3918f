"""Places and regions: unpooling, upsampling, pooling over regions of interest."""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from ...netlib.layers.roi_pooling import spans
from ..batch import dims
from ..fields import pair
from ..onnx_graph import OnnxGraph, Tensor
from ..registry import cannot, onnx, torch
from ..steps import Step
from ..text import arguments, number, plain
from ..torch_module import TorchModule

Spans = list[tuple[int, int]]  # start and end of each bin along an axis

cannot('no other framework has bins of regions with channels of their own', 'PSROIPooling')
cannot('how many regions it gives depends on the numbers in them', 'Proposal')


# -- blocks of pixels and channels


@onnx('Reorg')
def reorg(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    layer: Any = step.layer
    apart, together = dims(layer.apart), dims(layer.together)
    first, order = blocks(step, apart, together)
    y = g.op('Transpose', g.reshape(x, first), perm=order)
    return g.reshape(y, dims(step.y))


@torch('Reorg')
def reorg_torch(t: TorchModule, step: Step, x: str) -> str:
    layer: Any = step.layer
    apart, together = dims(layer.apart), dims(layer.together)
    first, order = blocks(step, apart, together)
    y = f'{x}.reshape({arguments(*first)}).permute({arguments(*order)})'
    return f'{y}.reshape({arguments(*dims(step.y))})'


def blocks(step: Step, apart: list[int], together: list[int]) -> tuple[list[int], list[int]]:
    """The shape that x gets, and the order of its axes."""
    if step.param.reorg_param.reverse:
        return together, [0, 3, 4, 1, 5, 2]
    return apart, [0, 3, 5, 1, 2, 4]


# -- to the places that a mask names


def by_mask(g: OnnxGraph, step: Step, x: Tensor, mask: Tensor) -> Tensor:
    """Each value goes to its place in an empty map; values that meet add up."""
    values = g.reshape(x, [0, 0, -1])
    places = g.cast(g.reshape(mask, [0, 0, -1]), 'int64')
    planes = g.op('Slice', g.op('Shape', x), [0], [2])
    empty = g.op('Expand', 0.0, g.concat([planes, [prod(step.y[2:])]], axis=0))
    y = g.op('ScatterElements', empty, places, values, axis=2, reduction='add', since=16)
    return g.reshape(y, dims(step.y))


# -- Unpooling, without a mask


@onnx('Unpooling')
def unpooling(g: OnnxGraph, step: Step, x: Tensor, *mask: Tensor) -> Tensor:
    p = step.param.unpooling_param
    if mask:
        return by_mask(g, step, x, mask[0])
    if p.unpool == p.AVE:
        return by_average(g, step, x)
    for axis, sources in enumerate(unpooling_sources(step), 2):
        end = [0] * 4
        end[axis] = 1
        padded = g.op('Pad', x, [0, 0, 0, 0, *end])
        x = g.op('Gather', padded, sources, axis=axis)
    return x


def unpooling_window(step: Step) -> tuple[tuple[int, int], tuple[int, int]]:
    p = step.param.unpooling_param
    return pair(p, 'kernel_size', 'kernel'), pair(p, 'stride', 'stride', 1)


def unpooling_filled(step: Step) -> tuple[int, int]:
    """How many places of its window a value goes to, along each axis."""
    p = step.param.unpooling_param
    return unpooling_window(step)[0] if p.unpool == p.TILE else (1, 1)


def unpooling_sources(step: Step) -> Iterator[list[int]]:
    """Along each axis, where the places of the top come from; the place after the last is a 0."""
    _, stride = unpooling_window(step)
    filled = unpooling_filled(step)
    for axis, extent in enumerate(step.y[2:]):
        n = step.x[2 + axis]
        window, place = np.divmod(np.arange(extent), stride[axis])
        from_map = (place < filled[axis]) & (window < n)
        yield np.where(from_map, window, n).tolist()


def by_average(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    """Each value divided by the size of its window, and then spread over it."""
    kernel, stride = unpooling_window(step)
    share, after = [], [0] * 4
    for axis, (n, extent) in enumerate(zip(step.x[2:], step.y[2:], strict=True)):
        start = np.arange(n) * stride[axis]
        end = np.minimum(start + kernel[axis], extent)
        share.append(1 / (end - start))
        after[axis + 2] = extent - (start[-1].item() + kernel[axis])
    channels = step.x[1]
    y = g.op(
        'ConvTranspose',
        x * np.outer(*share).astype(np.float32),
        np.ones((channels, 1, *kernel), np.float32),
        kernel_shape=list(kernel),
        strides=list(stride),
        group=channels,
    )
    return g.op('Pad', y, [0, 0, 0, 0, *after]) if any(after) else y


@torch('Unpooling')
def unpooling_torch(t: TorchModule, step: Step, x: str, *mask: str) -> str:
    p, size = step.param.unpooling_param, tuple(step.y[2:])
    if mask:
        return t.call('unpool_to_places', x, mask[0], size)
    kernel, stride = unpooling_window(step)
    if p.unpool == p.AVE:
        return t.call('unpool_average', x, kernel, stride, size)
    return t.call('unpool_to_windows', x, unpooling_filled(step), stride, size)


# -- Upsample, without a mask


@onnx('Upsample')
def upsample(g: OnnxGraph, step: Step, x: Tensor, *mask: Tensor) -> Tensor:
    if mask:
        return by_mask(g, step, x, mask[0])
    y = g.op(
        'Resize',
        x,
        '',
        np.array([1, 1, *upsample_scales(step)], np.float32),
        mode='nearest',
        coordinate_transformation_mode='asymmetric',
        nearest_mode='floor',
    )
    size = list(step.y[2:])
    return y if upsampled(step) == size else g.op('Slice', y, [0, 0], size, [2, 3])


def upsample_scales(step: Step) -> tuple[int, int]:
    p = step.param.upsample_param
    return pair(p, 'scale', 'scale', p.scale)


def upsampled(step: Step) -> list[int]:
    """Height and width before anything is cut off."""
    return [n * scale for n, scale in zip(step.x[2:], upsample_scales(step), strict=True)]


@torch('Upsample')
def upsample_torch(t: TorchModule, step: Step, x: str, *mask: str) -> str:
    height, width = step.y[2:]
    if mask:
        return t.call('unpool_to_places', x, mask[0], (height, width))
    made = arguments(x, scale_factor=plain(upsample_scales(step)), mode="'nearest'")
    cut = '' if upsampled(step) == [height, width] else f'[:, :, :{height}, :{width}]'
    return f'F.interpolate({made}){cut}'


# -- regions of interest


@onnx('SpatialPyramidPooling')
def spatial_pyramid_pooling(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    levels = []
    for rows, columns in zip(*pyramid_spans(step), strict=True):
        levels.append(largest_in(g, largest_in(g, x, 2, rows), 3, columns))
    if len(levels) == 1:
        return levels[0]
    return g.concat([g.op('Flatten', level, axis=1) for level in levels], axis=1)


def pyramid_spans(step: Step) -> tuple[list[Spans], list[Spans]]:
    """Where the bins of each level start and end, along the height and along the width."""
    height, width = step.x[2:]
    levels = step.param.spatial_pyramid_pooling_param.spatial_bin
    rows = [spans(0, height - 1, n, height) for n in levels]
    return rows, [spans(0, width - 1, n, width) for n in levels]


def largest_in(g: OnnxGraph, x: Tensor, axis: int, places: Spans) -> Tensor:
    """The largest values between each two places of an axis."""
    found = []
    for start, end in places:
        part = g.op('Slice', x, [start], [end], [axis])
        found.append(g.op('ReduceMax', part, axes=[axis], keepdims=1))
    return g.concat(found, axis=axis)


@torch('SpatialPyramidPooling')
def spatial_pyramid_pooling_torch(t: TorchModule, step: Step, x: str) -> str:
    bins = step.param.spatial_pyramid_pooling_param.spatial_bin
    levels = [f'F.adaptive_max_pool2d({x}, {n})' for n in bins]
    if len(levels) == 1:
        return levels[0]
    flat = ', '.join(f'{level}.flatten(1)' for level in levels)
    return f'torch.cat([{flat}], 1)'


@onnx('ROIPooling')
def roi_pooling(g: OnnxGraph, step: Step, x: Tensor, rois: Tensor) -> Tensor:
    p = step.param.roi_pooling_param
    if len(step.bottoms[1].shape) != 2:
        rois = g.reshape(rois, [-1, 5])
    shape = [p.pooled_h, p.pooled_w]
    return g.op('MaxRoiPool', x, rois, pooled_shape=shape, spatial_scale=p.spatial_scale)


@torch('ROIPooling')
def roi_pooling_torch(t: TorchModule, step: Step, x: str, rois: str) -> str:
    p = step.param.roi_pooling_param
    if len(step.bottoms[1].shape) != 2:
        rois = f'{rois}.reshape(-1, 5)'
    size = (p.pooled_h, p.pooled_w)
    return t.call('roi_pool', x, rois, size, number(p.spatial_scale))
