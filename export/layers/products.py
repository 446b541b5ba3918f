"""Products with a weight matrix: InnerProduct, Embed."""

from ...netlib.shapes import count
from ..batch import dims
from ..fields import axis_of
from ..registry import onnx, torch
from ..text import arguments


@onnx('InnerProduct')
def inner_product(g, step, x):
    p = step.param.inner_product_param
    start = axis_of(p.axis, step.x)
    flat = x if (len(step.x), start) == (2, 1) else g.op('Flatten', x, axis=start)
    bias = g.weights(step, 'bias')
    y = g.op('Gemm', flat, g.weight(step, 'weight'), *bias, transB=int(not p.transpose))
    return y if (len(step.y), start) == (2, 1) else g.reshape(y, dims(step.y))


@torch('InnerProduct')
def inner_product_torch(t, step, x):
    p = step.param.inner_product_param
    start = axis_of(p.axis, step.x)
    made = arguments(count(step.x, start), p.num_output, bias='bias' in step.weights)
    layer = t.module(step, f'nn.Linear({made})')
    flat = x if len(step.x) == start + 1 else f'{x}.flatten({start})'
    return f'{layer}({flat})'


@onnx('Embed')
def embed(g, step, x):
    y = g.op('Gather', g.weight(step, 'weight'), g.cast(x, 'int64'), axis=0)
    return g.op('Add', y, g.weight(step, 'bias')) if 'bias' in step.weights else y


@torch('Embed')
def embed_torch(t, step, x):
    y = f'{t.parameter(step, "weight")}[{x}.long()]'
    return f'{y} + {t.parameter(step, "bias")}' if 'bias' in step.weights else y
