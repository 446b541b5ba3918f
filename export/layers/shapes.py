"""Layers that only rearrange: other shapes, other orders, parts, repeats. borders.py has those
that need to know where the image ends."""

from ...netlib.shapes import count
from ..batch import dims, varies
from ..fields import axis_of, block_axis
from ..onnx_graph import OnnxGraph, Tensor
from ..registry import Inexpressible, onnx, torch
from ..steps import Step
from ..text import reshaped
from ..torch_module import TorchModule

# -- other shapes


def target(step: Step) -> list[int]:
    """The top's shape for Reshape, where at most one extent may vary with the batch."""
    shape = dims(step.y)
    if shape.count(-1) < 2:
        return shape
    for axis, extent in enumerate(step.y):
        if varies(extent) and step.x[axis : axis + 1] == (extent,):
            shape[axis] = 0  # as in the bottom
    if shape.count(-1) > 1:
        raise Inexpressible('the batch is part of several extents of the top')
    return shape


@onnx('Flatten', 'Reshape', unless='the batch is part of several extents')
def reshape(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    return x if step.x == step.y else g.reshape(x, target(step))


@torch('Flatten')
def flatten_torch(t: TorchModule, step: Step, x: str) -> str:
    p = step.param.flatten_param
    if step.x == step.y:
        return x
    start, end = axis_of(p.axis, step.x), axis_of(p.end_axis, step.x)
    if end == len(step.x) - 1:
        return f'{x}.flatten({start})'
    return f'{x}.flatten({start}, {end})'


@torch('Reshape', unless='the batch is part of several extents')
def reshape_torch(t: TorchModule, step: Step, x: str) -> str:
    return reshaped(x, step.x, target(step))


# -- other orders


@onnx('Permute')
def permute(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    return g.op('Transpose', x, perm=order(step))


def order(step: Step) -> list[int]:
    chosen = [axis_of(axis, step.x) for axis in step.param.permute_param.order]
    return chosen + [axis for axis in range(len(step.x)) if axis not in chosen]


@torch('Permute')
def permute_torch(t: TorchModule, step: Step, x: str) -> str:
    axes = ', '.join(map(str, order(step)))
    return f'{x}.permute({axes})'


@onnx('ShuffleChannel')
def shuffle_channel(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    group = step.param.shuffle_channel_param.group
    batch, channels = step.x[:2]
    inner = count(step.x, 2)
    grouped = g.reshape(x, dims((batch, group, channels // group, inner)))
    shuffled = g.op('Transpose', grouped, perm=[0, 2, 1, 3])
    return g.reshape(shuffled, dims(step.y))


@torch('ShuffleChannel')
def shuffle_channel_torch(t: TorchModule, step: Step, x: str) -> str:
    group = step.param.shuffle_channel_param.group
    return f'{x}.unflatten(1, ({group}, -1)).transpose(1, 2).flatten(1, 2)'


# -- parts


@onnx('Slice')
def slice_(g: OnnxGraph, step: Step, x: Tensor) -> Tensor | list[Tensor]:
    axis, sizes = slice_sizes(step)
    if len(sizes) == 1:
        return x
    return g.ops('Split', x, sizes, outputs=len(sizes), axis=axis)


def slice_sizes(step: Step) -> tuple[int, list[int]]:
    """Along which axis the bottom is cut, and the extents of the parts."""
    axis = block_axis(step.param.slice_param, 'slice_dim', step.x)
    return axis, [top.shape[axis] for top in step.tops]


@torch('Slice')
def slice_torch(t: TorchModule, step: Step, x: str) -> str:
    axis, sizes = slice_sizes(step)
    return x if len(sizes) == 1 else f'{x}.split({sizes}, {axis})'


@onnx('Crop')
def crop(g: OnnxGraph, step: Step, x: Tensor, reference: Tensor) -> Tensor:
    starts = crop_starts(step)
    if not starts:
        return x
    ends = [start + step.y[axis] for axis, start in starts.items()]
    return g.op('Slice', x, list(starts.values()), ends, list(starts))


def crop_starts(step: Step) -> dict[int, int]:
    """The axes that are cut, with where the part begins along each."""
    p = step.param.crop_param
    first = axis_of(p.axis, step.x)
    offsets = list(p.offset) or [0]
    if len(offsets) == 1:
        offsets *= len(step.x) - first
    starts = {}
    for axis, offset in enumerate(offsets, first):
        if step.x[axis] != step.y[axis]:
            starts[axis] = offset
    return starts


@torch('Crop')
def crop_torch(t: TorchModule, step: Step, x: str, reference: str) -> str:
    for axis, start in crop_starts(step).items():
        x = f'{x}.narrow({axis}, {start}, {step.y[axis]})'
    return x


# -- repeats


@onnx('Tile')
def tile(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    return g.concat([x] * step.param.tile_param.tiles, axis=tile_axis(step))


def tile_axis(step: Step) -> int:
    return axis_of(step.param.tile_param.axis, step.x)


@torch('Tile')
def tile_torch(t: TorchModule, step: Step, x: str) -> str:
    return f'torch.cat([{x}] * {step.param.tile_param.tiles}, {tile_axis(step)})'
