"""Several blobs into one, and many numbers into few."""

from ...netlib.shapes import count
from ..batch import dims, varies
from ..fields import axis_of, block_axis
from ..registry import Inexpressible, onnx, torch
from ..text import number

# -- element by element


@onnx('Eltwise')
def eltwise(g, step, *xs):
    p = step.param.eltwise_param
    if p.operation == p.MAX:
        return g.op('Max', *xs)
    if p.operation == p.PROD:
        return folded(g, 'Mul', xs)
    weighted = []
    for x, coefficient in zip(xs, coefficients(step), strict=True):
        weighted.append(x if coefficient == 1 else g.op('Mul', x, coefficient))
    return folded(g, 'Add', weighted)


def folded(g, kind, xs):
    y, *others = xs
    for x in others:
        y = g.op(kind, y, x)
    return y


def coefficients(step) -> list[float]:
    return list(step.param.eltwise_param.coeff) or [1.0] * len(step.bottoms)


@torch('Eltwise')
def eltwise_torch(t, step, *xs):
    p = step.param.eltwise_param
    if p.operation == p.PROD:
        return ' * '.join(xs)
    if p.operation == p.MAX:
        y, *others = xs
        for x in others:
            y = f'torch.maximum({y}, {x})'
        return y
    weighted = []
    for x, coefficient in zip(xs, coefficients(step), strict=True):
        weighted.append(x if coefficient == 1 else f'{number(coefficient)} * {x}')
    return ' + '.join(weighted)


@onnx('Maxout')
def maxout(g, step, x):
    return g.op('ReduceMax', g.reshape(x, pieces(step)[0]), axes=[pieces(step)[1]], keepdims=0)


def pieces(step) -> tuple[list[int], int]:
    """The bottom's shape with an axis for the pieces, and which that is."""
    p = step.param.maxout_param
    axis = axis_of(p.axis, step.x)
    extents = p.num_pieces, step.x[axis] // p.num_pieces
    return dims((*step.x[:axis], *extents, *step.x[axis + 1 :])), axis


@torch('Maxout')
def maxout_torch(t, step, x):
    axis = pieces(step)[1]
    return f'{x}.unflatten({axis}, ({step.param.maxout_param.num_pieces}, -1)).amax({axis})'


# -- one after the other


@onnx('Concat')
def concat(g, step, *xs):
    axis = block_axis(step.param.concat_param, 'concat_dim', step.x)
    return g.op('Concat', *xs, axis=axis)


@torch('Concat')
def concat_torch(t, step, *xs):
    axis = block_axis(step.param.concat_param, 'concat_dim', step.x)
    return f'torch.cat([{", ".join(xs)}], {axis})'


# -- sums and maxima


@onnx('Reduction')
def reduction(g, step, x):
    p = step.param.reduction_param
    axes = list(range(axis_of(p.axis, step.x), len(step.x)))
    if p.operation == p.MEAN:
        y = g.op('ReduceMean', x, axes=axes, keepdims=0)
    elif p.operation == p.SUMSQ:
        y = g.op('ReduceSum', g.op('Mul', x, x), axes, keepdims=0)
    else:
        x = g.op('Abs', x) if p.operation == p.ASUM else x
        y = g.op('ReduceSum', x, axes, keepdims=0)
    return y if p.coeff == 1 else g.op('Mul', y, p.coeff)


@torch('Reduction')
def reduction_torch(t, step, x):
    p = step.param.reduction_param
    axes = tuple(range(axis_of(p.axis, step.x), len(step.x)))
    inner = {p.ASUM: f'{x}.abs()', p.SUMSQ: f'({x} ** 2)'}.get(p.operation, x)
    y = f'{inner}.{"mean" if p.operation == p.MEAN else "sum"}({axes})'
    return y if p.coeff == 1 else f'{number(p.coeff)} * {y}'


@onnx('ArgMax', unless='the search goes along the batch')
def argmax(g, step, x):
    """Of equal values the one with the larger number comes first: so the search runs backward."""
    p = step.param.argmax_param
    axis = axis_of(p.axis, step.x) if p.HasField('axis') else 1
    if not p.HasField('axis'):
        x = g.reshape(x, dims((step.x[0], count(step.x, 1))))
    extent = step.x[axis] if p.HasField('axis') else count(step.x, 1)
    if varies(extent):
        raise Inexpressible('a search along the batch')
    backward = g.op('Slice', x, [-1], [-(2**31)], [axis], [-1])
    values, places = g.ops('TopK', backward, [p.top_k], outputs=2, axis=axis)
    numbers = g.op('Sub', float(extent - 1), g.cast(places, 'float'))
    if p.HasField('axis'):
        return values if p.out_max_val else numbers
    parts = [numbers, values] if p.out_max_val else [numbers]
    return g.op('Concat', *[g.op('Unsqueeze', part, [1]) for part in parts], axis=1)


@torch('ArgMax')
def argmax_torch(t, step, x):
    p = step.param.argmax_param
    if p.HasField('axis'):
        axis = axis_of(p.axis, step.x)
        made = t.call('top_k', x, p.top_k, axis)
        return f'{made}[{0 if p.out_max_val else 1}]'
    flat = x if len(step.x) == 2 else f'{x}.flatten(1)'
    made = t.call('top_k', flat, p.top_k, 1)
    return f'torch.stack({made}[::-1], 1)' if p.out_max_val else f'{made}[1].unsqueeze(1)'


# -- samples, picked


@onnx('BatchReindex')
def batch_reindex(g, step, x, index):
    return g.op('Gather', x, g.cast(index, 'int64'), axis=0)


@torch('BatchReindex')
def batch_reindex_torch(t, step, x, index):
    return f'{x}[{index}.long()]'


@onnx('Filter')
def filter_(g, step, *xs):
    *xs, selector = xs
    chosen = g.cast(g.reshape(selector, [-1]), 'bool')
    places = g.op('Squeeze', g.op('NonZero', chosen), [0])
    return [g.op('Gather', x, places, axis=0) for x in xs]


@torch('Filter')
def filter_torch(t, step, *xs):
    *xs, selector = xs
    return [f'{x}[{selector}.flatten() != 0]' for x in xs]
