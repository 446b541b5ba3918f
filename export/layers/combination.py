"""Several blobs into one: element by element, one after the other; samples, picked."""

from collections.abc import Iterator

from ..fields import block_axis
from ..onnx_graph import OnnxGraph, Tensor
from ..registry import onnx, torch
from ..steps import Step
from ..text import number
from ..torch_module import TorchModule

# -- element by element


@onnx('Eltwise')
def eltwise(g: OnnxGraph, step: Step, *xs: Tensor) -> Tensor:
    p = step.param.eltwise_param
    if p.operation == p.MAX:
        return g.op('Max', *xs)
    if p.operation == p.PROD:
        y, *others = xs
        for x in others:
            y = y * x
        return y
    y, *others = weighted(step, xs)
    for x in others:
        y = y + x
    return y


def weighted(step: Step, xs: tuple[Tensor, ...]) -> Iterator[Tensor]:
    """What a sum adds up."""
    for x, coefficient in zip(xs, coefficients(step), strict=True):
        yield x if coefficient == 1 else x * coefficient


def coefficients(step: Step) -> list[float]:
    return list(step.param.eltwise_param.coeff) or [1.0] * len(step.bottoms)


@torch('Eltwise')
def eltwise_torch(t: TorchModule, step: Step, *xs: str) -> str:
    p = step.param.eltwise_param
    if p.operation == p.PROD:
        return ' * '.join(xs)
    if p.operation == p.MAX:
        y, *others = xs
        for x in others:
            y = f'torch.maximum({y}, {x})'
        return y
    return ' + '.join(weighted_texts(step, xs))


def weighted_texts(step: Step, xs: tuple[str, ...]) -> Iterator[str]:
    for x, coefficient in zip(xs, coefficients(step), strict=True):
        yield x if coefficient == 1 else f'{number(coefficient)} * {x}'


# -- one after the other


@onnx('Concat')
def concat(g: OnnxGraph, step: Step, *xs: Tensor) -> Tensor:
    return g.concat(xs, axis=concat_axis(step))


@torch('Concat')
def concat_torch(t: TorchModule, step: Step, *xs: str) -> str:
    return f'torch.cat([{", ".join(xs)}], {concat_axis(step)})'


def concat_axis(step: Step) -> int:
    return block_axis(step.param.concat_param, 'concat_dim', step.x)


# -- samples, picked


@onnx('BatchReindex')
def batch_reindex(g: OnnxGraph, step: Step, x: Tensor, index: Tensor) -> Tensor:
    return g.op('Gather', x, g.cast(index, 'int64'), axis=0)


@torch('BatchReindex')
def batch_reindex_torch(t: TorchModule, step: Step, x: str, index: str) -> str:
    return f'{x}[{index}.long()]'


@onnx('Filter')
def filter_(g: OnnxGraph, step: Step, *xs: Tensor) -> list[Tensor]:
    *inputs, selector = xs
    chosen = g.cast(g.reshape(selector, [-1]), 'bool')
    places = g.op('Squeeze', g.op('NonZero', chosen), [0])
    return [g.op('Gather', x, places, axis=0) for x in inputs]


@torch('Filter')
def filter_torch(t: TorchModule, step: Step, *xs: str) -> list[str]:
    *inputs, selector = xs
    return [f'{x}[{selector}.flatten() != 0]' for x in inputs]
