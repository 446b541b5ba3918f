"""Layers that only rearrange: other shapes, other orders, parts, repeats, borders."""

from ...netlib.shapes import count
from ..batch import dims, varies
from ..fields import axis_of, block_axis
from ..registry import Inexpressible, onnx, torch
from ..text import reshaped

# -- other shapes


def target(step) -> list[int]:
    """The top's shape for Reshape, where at most one extent may vary with the batch."""
    shape = dims(step.y)
    if shape.count(-1) < 2:
        return shape
    same = [varies(n) and step.x[i : i + 1] == (n,) for i, n in enumerate(step.y)]
    shape = [0 if kept else n for n, kept in zip(shape, same, strict=True)]
    if shape.count(-1) > 1:
        raise Inexpressible('the batch is part of several extents of the top')
    return shape


@onnx('Flatten', 'Reshape', unless='the batch is part of several extents')
def reshape(g, step, x):
    return x if step.x == step.y else g.reshape(x, target(step))


@torch('Flatten')
def flatten_torch(t, step, x):
    p = step.param.flatten_param
    start, end = axis_of(p.axis, step.x), axis_of(p.end_axis, step.x)
    if step.x == step.y:
        return x
    return f'{x}.flatten({start})' if end == len(step.x) - 1 else f'{x}.flatten({start}, {end})'


@torch('Reshape', unless='the batch is part of several extents')
def reshape_torch(t, step, x):
    return reshaped(x, step.x, target(step))


# -- other orders


@onnx('Permute')
def permute(g, step, x):
    return g.op('Transpose', x, perm=order(step))


def order(step) -> list[int]:
    chosen = [axis_of(axis, step.x) for axis in step.param.permute_param.order]
    return chosen + [axis for axis in range(len(step.x)) if axis not in chosen]


@torch('Permute')
def permute_torch(t, step, x):
    return f'{x}.permute({", ".join(map(str, order(step)))})'


@onnx('ShuffleChannel')
def shuffle_channel(g, step, x):
    group = step.param.shuffle_channel_param.group
    batch, channels, inner = step.x[0], step.x[1], count(step.x, 2)
    grouped = g.reshape(x, dims((batch, group, channels // group, inner)))
    return g.reshape(g.op('Transpose', grouped, perm=[0, 2, 1, 3]), dims(step.y))


@torch('ShuffleChannel')
def shuffle_channel_torch(t, step, x):
    group = step.param.shuffle_channel_param.group
    return f'{x}.unflatten(1, ({group}, -1)).transpose(1, 2).flatten(1, 2)'


# -- parts


@onnx('Slice')
def slice_(g, step, x):
    axis = block_axis(step.param.slice_param, 'slice_dim', step.x)
    sizes = [top.shape[axis] for top in step.tops]
    if len(sizes) == 1:
        return x
    return g.ops('Split', x, sizes, outputs=len(sizes), axis=axis)


@torch('Slice')
def slice_torch(t, step, x):
    axis = block_axis(step.param.slice_param, 'slice_dim', step.x)
    sizes = [top.shape[axis] for top in step.tops]
    return f'{x}.split({sizes}, {axis})' if len(sizes) > 1 else x


@onnx('Crop')
def crop(g, step, x, reference):
    axes, starts = crop_starts(step)
    if not axes:
        return x
    ends = [start + step.y[axis] for axis, start in zip(axes, starts, strict=True)]
    return g.op('Slice', x, starts, ends, axes)


def crop_starts(step) -> tuple[list[int], list[int]]:
    """The axes that are cut, and where the part begins along each."""
    p = step.param.crop_param
    first = axis_of(p.axis, step.x)
    axes = [axis for axis in range(first, len(step.x)) if step.x[axis] != step.y[axis]]
    offsets = list(p.offset) or [0]
    if len(offsets) == 1:
        offsets *= len(step.x) - first
    return axes, [offsets[axis - first] for axis in axes]


@torch('Crop')
def crop_torch(t, step, x, reference):
    for axis, start in zip(*crop_starts(step), strict=True):
        x = f'{x}.narrow({axis}, {start}, {step.y[axis]})'
    return x


# -- repeats and borders


@onnx('Tile')
def tile(g, step, x):
    return g.op('Concat', *[x] * step.param.tile_param.tiles, axis=tile_axis(step))


def tile_axis(step) -> int:
    return axis_of(step.param.tile_param.axis, step.x)


@torch('Tile')
def tile_torch(t, step, x):
    return f'torch.cat([{x}] * {step.param.tile_param.tiles}, {tile_axis(step)})'


def pads(step) -> list[int]:
    p, axes = step.param.pad_param, len(step.x) - 2
    if p.HasField('pad_h') or p.HasField('pad_w'):
        return [p.pad_h, p.pad_w]
    return list(p.pad) * (axes if len(p.pad) == 1 else 1)


@onnx('Pad')
def pad(g, step, x):
    p = step.param.pad_param
    both = [0, 0, *pads(step)] * 2
    return g.op('Pad', x, both, mode='constant' if p.mode == p.ZERO else 'reflect')


@torch('Pad')
def pad_torch(t, step, x):
    p = step.param.pad_param
    sides = [side for pad in reversed(pads(step)) for side in (pad, pad)]
    mode = '' if p.mode == p.ZERO else ", 'reflect'"
    return f'F.pad({x}, {sides}{mode})'


@onnx('Interp')
def interp(g, step, x):
    x = cut_border(g, step, x)
    for axis, extent in enumerate(source_extents(step), 2):
        if extent == 1:  # where OpenCV 5.0 reads beyond the end
            x = g.op('Concat', x, x, axis=axis)
    sizes = g.constant(list(step.y[2:]))
    if varies(step.x[0]):
        batch = g.op('Slice', g.op('Shape', x), [0], [2])
        sizes = g.op('Concat', batch, sizes, axis=0)
    else:
        sizes = g.constant(list(step.y))
    return g.op(
        'Resize', x, '', '', sizes, mode='linear', coordinate_transformation_mode='align_corners'
    )


def source_extents(step):
    """Height and width of what is resized."""
    p = step.param.interp_param
    return [n + p.pad_beg + p.pad_end for n in step.x[2:]]


def cut_border(g, step, x):
    """Negative pads take rows and columns away."""
    p = step.param.interp_param
    if not (p.pad_beg or p.pad_end):
        return x
    ends = [n + p.pad_end for n in step.x[2:]]
    return g.op('Slice', x, [-p.pad_beg] * 2, ends, [2, 3])


@torch('Interp')
def interp_torch(t, step, x):
    p = step.param.interp_param
    if p.pad_beg or p.pad_end:
        height, width = (n + p.pad_end for n in step.x[2:])
        x = f'{x}[:, :, {-p.pad_beg}:{height}, {-p.pad_beg}:{width}]'
    size = tuple(step.y[2:])
    return f"F.interpolate({x}, {size}, mode='bilinear', align_corners=True)"
