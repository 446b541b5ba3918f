"""Products with a weight matrix: InnerProduct, Embed."""

from ...netlib.shapes import count
from ..batch import dims
from ..fields import axis_of
from ..onnx_graph import OnnxGraph, Tensor
from ..registry import onnx, torch
from ..steps import Step
from ..text import arguments
from ..torch_module import TorchModule


@onnx('InnerProduct')
def inner_product(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    p = step.param.inner_product_param
    start = axis_of(p.axis, step.x)
    if (len(step.x), start) != (2, 1):
        x = g.op('Flatten', x, axis=start)
    weight = g.weight(step, 'weight')
    y = g.op('Gemm', x, weight, *g.bias(step), transB=int(not p.transpose))
    if (len(step.y), start) == (2, 1):
        return y
    return g.reshape(y, dims(step.y))


@torch('InnerProduct')
def inner_product_torch(t: TorchModule, step: Step, x: str) -> str:
    p = step.param.inner_product_param
    start = axis_of(p.axis, step.x)
    inputs = count(step.x, start)
    made = arguments(inputs, p.num_output, bias='bias' in step.weights)
    layer = t.module(step, f'nn.Linear({made})')
    if len(step.x) > start + 1:
        x = f'{x}.flatten({start})'
    return f'{layer}({x})'


@onnx('Embed')
def embed(g: OnnxGraph, step: Step, x: Tensor) -> Tensor:
    y = g.op('Gather', g.weight(step, 'weight'), g.cast(x, 'int64'), axis=0)
    for bias in g.bias(step):
        y = y + bias
    return y


@torch('Embed')
def embed_torch(t: TorchModule, step: Step, x: str) -> str:
    weight = t.parameter(step, 'weight')
    y = f'{weight}[{x}.long()]'
    if 'bias' not in step.weights:
        return y
    return f'{y} + {t.parameter(step, "bias")}'
