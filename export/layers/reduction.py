"""Many numbers into few: sums, means, the largest and their places."""

from ...netlib.shapes import count
from ..batch import dims, varies
from ..fields import axis_of
from ..onnx_graph import OnnxGraph, Tensor
from ..registry import Inexpressible, onnx, torch
from ..steps import Step
from ..text import arguments, number
from ..torch_module import TorchModule

# -- over the last axes


@onnx('Reduction')
def reduction(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    p = step.param.reduction_param
    y = reduced(g, step, x)
    return y if p.coeff == 1 else y * p.coeff


def reduced(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    p, axes = step.param.reduction_param, reduced_axes(step)
    if p.operation == p.MEAN:
        return g.op('ReduceMean', x, axes=axes, keepdims=0)
    if p.operation == p.SUMSQ:
        x = x * x
    if p.operation == p.ASUM:
        x = g.op('Abs', x)
    return g.op('ReduceSum', x, axes, keepdims=0)


def reduced_axes(step: Step) -> list[int]:
    first = axis_of(step.param.reduction_param.axis, step.x)
    return list(range(first, len(step.x)))


@torch('Reduction')
def reduction_torch(t: TorchModule, step: Step, x: str) -> str:
    p = step.param.reduction_param
    inner = {p.ASUM: f'{x}.abs()', p.SUMSQ: f'({x} ** 2)'}.get(p.operation, x)
    function = 'mean' if p.operation == p.MEAN else 'sum'
    y = f'{inner}.{function}({tuple(reduced_axes(step))})'
    return y if p.coeff == 1 else f'{number(p.coeff)} * {y}'


# -- the largest of several pieces


@onnx('Maxout')
def maxout(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    p = step.param.maxout_param
    axis = axis_of(p.axis, step.x)
    before, after = step.x[:axis], step.x[axis + 1 :]
    width = step.x[axis] // p.num_pieces
    pieces = g.reshape(x, dims((*before, p.num_pieces, width, *after)))
    return g.op('ReduceMax', pieces, axes=[axis], keepdims=0)


@torch('Maxout')
def maxout_torch(t: TorchModule, step: Step, x: str) -> str:
    p = step.param.maxout_param
    axis = axis_of(p.axis, step.x)
    return f'{x}.unflatten({axis}, ({p.num_pieces}, -1)).amax({axis})'


# -- the places of the largest


@onnx('ArgMax', unless='the search goes along the batch')
def argmax(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    p = step.param.argmax_param
    if p.HasField('axis'):
        axis = axis_of(p.axis, step.x)
        values, places = largest(g, x, p.top_k, axis, step.x[axis])
        return values if p.out_max_val else places
    features = count(step.x, 1)
    flat = g.reshape(x, dims((step.x[0], features)))
    values, places = largest(g, flat, p.top_k, 1, features)
    parts = [places, values] if p.out_max_val else [places]
    found = g.concat([g.op('Unsqueeze', part, [1]) for part in parts], axis=1)
    return found if len(step.y) == 3 else g.reshape(found, dims(step.y))


def largest(g: OnnxGraph, x: Tensor, most: int, axis: int, extent: int) -> tuple[Tensor, Tensor]:
    """The largest values along an axis, and their places. Of equal values the one with the larger
    place comes first: so the search runs backward."""
    if varies(extent):
        raise Inexpressible('a search along the batch')
    backward = g.op('Slice', x, [-1], [-(2**31)], [axis], [-1])
    values, places = g.ops('TopK', backward, [most], outputs=2, axis=axis)
    return values, float(extent - 1) - g.cast(places, 'float')


@torch('ArgMax')
def argmax_torch(t: TorchModule, step: Step, x: str) -> str:
    p = step.param.argmax_param
    if p.HasField('axis'):
        made = t.call('top_k', x, p.top_k, axis_of(p.axis, step.x))
        return f'{made}[0]' if p.out_max_val else f'{made}[1]'
    if len(step.x) != 2:
        x = f'{x}.flatten(1)'
    made = t.call('top_k', x, p.top_k, 1)
    found = f'torch.stack({made}[::-1], 1)' if p.out_max_val else f'{made}[1].unsqueeze(1)'
    return found if len(step.y) == 3 else f'{found}.reshape({arguments(*dims(step.y))})'
