"""Places and regions: unpooling, upsampling, pooling over regions of interest."""

from math import prod

import numpy as np

from ..batch import dims
from ..fields import pair
from ..registry import cannot, onnx, torch
from ..text import arguments, number, plain

cannot('no other framework has bins of regions with channels of their own', 'PSROIPooling')
cannot('how many regions it gives depends on the numbers in them', 'Proposal')


# -- blocks of pixels and channels


@onnx('Reorg')
def reorg(g, step, x):
    apart, together = dims(step.layer.apart), dims(step.layer.together)
    first, order = blocks(step, apart, together)
    return g.reshape(g.op('Transpose', g.reshape(x, first), perm=order), dims(step.y))


@torch('Reorg')
def reorg_torch(t, step, x):
    apart, together = dims(step.layer.apart), dims(step.layer.together)
    first, order = blocks(step, apart, together)
    y = f'{x}.reshape({arguments(*first)}).permute({arguments(*order)})'
    return f'{y}.reshape({arguments(*dims(step.y))})'


def blocks(step, apart, together):
    """The shape that x gets, and the order of its axes."""
    if step.param.reorg_param.reverse:
        return together, [0, 3, 4, 1, 5, 2]
    return apart, [0, 3, 5, 1, 2, 4]


# -- to the places that a mask names


def by_mask(g, step, x, mask):
    """Each value goes to its place in an empty map; values that meet add up."""
    flat = [g.reshape(part, [0, 0, -1]) for part in (x, mask)]
    places = g.cast(flat[1], 'int64')
    planes = g.op('Slice', g.op('Shape', x), [0], [2])
    empty = g.op('Expand', 0.0, g.op('Concat', planes, [prod(step.y[2:])], axis=0))
    y = g.op('ScatterElements', empty, places, flat[0], axis=2, reduction='add', since=16)
    return g.reshape(y, dims(step.y))


# -- without one


@onnx('Unpooling')
def unpooling(g, step, x, *mask):
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


def unpooling_window(step):
    p = step.param.unpooling_param
    return pair(p, 'kernel_size', 'kernel'), pair(p, 'stride', 'stride', 1)


def unpooling_sources(step):
    """Along each axis, where the places of the top come from; the place after the last is a 0."""
    p = step.param.unpooling_param
    kernel, stride = unpooling_window(step)
    for n, extent, k, s in zip(step.x[2:], step.y[2:], kernel, stride, strict=True):
        filled = k if p.unpool == p.TILE else 1
        place = np.arange(extent)
        from_map = (place % s < filled) & (place // s < n)
        yield np.where(from_map, place // s, n).tolist()


def by_average(g, step, x):
    """Each value divided by the size of its window, and then spread over it."""
    kernel, stride = unpooling_window(step)
    share, after = [], [0] * 4
    for axis, (n, extent) in enumerate(zip(step.x[2:], step.y[2:], strict=True)):
        start = np.arange(n) * stride[axis]
        share.append(1 / (np.minimum(start + kernel[axis], extent) - start))
        after[axis + 2] = extent - ((n - 1) * stride[axis] + kernel[axis])
    channels = step.x[1]
    y = g.op(
        'ConvTranspose',
        g.op('Mul', x, np.outer(*share).astype(np.float32)),
        np.ones((channels, 1, *kernel), np.float32),
        kernel_shape=list(kernel),
        strides=list(stride),
        group=channels,
    )
    return g.op('Pad', y, [0, 0, 0, 0, *after]) if any(after) else y


@onnx('Upsample')
def upsample(g, step, x, *mask):
    if mask:
        return by_mask(g, step, x, mask[0])
    scales = np.float32([1, 1, *upsample_scales(step)])
    whole = [n * int(s) for n, s in zip(step.x[2:], scales[2:], strict=True)]
    y = g.op(
        'Resize',
        x,
        '',
        scales,
        mode='nearest',
        coordinate_transformation_mode='asymmetric',
        nearest_mode='floor',
    )
    if whole == list(step.y[2:]):
        return y
    return g.op('Slice', y, [0, 0], list(step.y[2:]), [2, 3])


def upsample_scales(step):
    p = step.param.upsample_param
    return pair(p, 'scale', 'scale', p.scale)


@torch('Unpooling')
def unpooling_torch(t, step, x, *mask):
    p = step.param.unpooling_param
    if mask:
        return t.call('unpool_to_places', x, mask[0], tuple(step.y[2:]))
    kernel, stride = unpooling_window(step)
    if p.unpool == p.AVE:
        return t.call('unpool_average', x, kernel, stride, tuple(step.y[2:]))
    filled = kernel if p.unpool == p.TILE else (1, 1)
    return t.call('unpool_to_windows', x, filled, stride, tuple(step.y[2:]))


@torch('Upsample')
def upsample_torch(t, step, x, *mask):
    height, width = step.y[2:]
    if mask:
        return t.call('unpool_to_places', x, mask[0], (height, width))
    scales = upsample_scales(step)
    made = arguments(x, scale_factor=plain(scales), mode="'nearest'")
    whole = [n * s for n, s in zip(step.x[2:], scales, strict=True)]
    cut = '' if whole == [height, width] else f'[:, :, :{height}, :{width}]'
    return f'F.interpolate({made}){cut}'


# -- regions of interest


@onnx('ROIPooling')
def roi_pooling(g, step, x, rois):
    p = step.param.roi_pooling_param
    flat = rois if len(step.bottoms[1].shape) == 2 else g.reshape(rois, [-1, 5])
    shape = [p.pooled_h, p.pooled_w]
    return g.op('MaxRoiPool', x, flat, pooled_shape=shape, spatial_scale=p.spatial_scale)


@torch('ROIPooling')
def roi_pooling_torch(t, step, x, rois):
    p = step.param.roi_pooling_param
    flat = rois if len(step.bottoms[1].shape) == 2 else f'{rois}.reshape(-1, 5)'
    return t.call('roi_pool', x, flat, (p.pooled_h, p.pooled_w), number(p.spatial_scale))
