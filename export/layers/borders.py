"""Borders that are added, and images of another size: Pad, Interp."""

from collections.abc import Iterator

from ..batch import varies
from ..onnx_graph import OnnxGraph, Tensor
from ..registry import onnx, torch
from ..steps import Step
from ..torch_module import TorchModule

# -- more at each side


def pads(step: Step) -> list[int]:
    """What is added at both ends of each spatial axis."""
    p = step.param.pad_param
    if p.HasField('pad_h') or p.HasField('pad_w'):
        return [p.pad_h, p.pad_w]
    if len(p.pad) == 1:
        return list(p.pad) * (len(step.x) - 2)
    return list(p.pad)


@onnx('Pad')
def pad(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    p = step.param.pad_param
    mode = 'constant' if p.mode == p.ZERO else 'reflect'
    return g.op('Pad', x, [0, 0, *pads(step)] * 2, mode=mode)


@torch('Pad')
def pad_torch(t: TorchModule, step: Step, x: str) -> str:
    p = step.param.pad_param
    sides = [side for pad in reversed(pads(step)) for side in (pad, pad)]
    mode = '' if p.mode == p.ZERO else ", 'reflect'"
    return f'F.pad({x}, {sides}{mode})'


# -- between pixels


@onnx('Interp')
def interp(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    p = step.param.interp_param
    spans = list(resized_spans(step))
    if p.pad_beg or p.pad_end:
        starts, ends = zip(*spans, strict=True)
        x = g.op('Slice', x, list(starts), list(ends), [2, 3])
    for axis, (start, end) in enumerate(spans, 2):
        if end - start == 1:  # where OpenCV 5.0 reads beyond the end
            x = g.concat([x, x], axis=axis)
    return g.op(
        'Resize',
        x,
        '',
        '',
        resized_shape(g, step, x),
        mode='linear',
        coordinate_transformation_mode='align_corners',
    )


def resized_spans(step: Step) -> Iterator[tuple[int, int]]:
    """The rows and the columns that are resized: negative pads take some away."""
    p = step.param.interp_param
    for extent in step.x[2:]:
        yield -p.pad_beg, extent + p.pad_end


def resized_shape(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    if not varies(step.x[0]):
        return g.constant(list(step.y))
    front = g.op('Slice', g.op('Shape', x), [0], [2])
    return g.concat([front, list(step.y[2:])], axis=0)


@torch('Interp')
def interp_torch(t: TorchModule, step: Step, x: str) -> str:
    p = step.param.interp_param
    if p.pad_beg or p.pad_end:
        rows, columns = [f'{start}:{end}' for start, end in resized_spans(step)]
        x = f'{x}[:, :, {rows}, {columns}]'
    size = tuple(step.y[2:])
    return f"F.interpolate({x}, {size}, mode='bilinear', align_corners=True)"
