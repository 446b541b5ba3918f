"""What each layer type becomes: a function for each target, or the reason why there is none.

    @onnx('Swish')
    def swish(g, step, x):
        return x * g.op('Sigmoid', x * step.param.swish_param.beta)

    @torch('Swish')
    def swish_torch(t, step, x):
        beta = number(step.param.swish_param.beta)
        return f'{x} * torch.sigmoid({beta} * {x})'

An ONNX function gets the graph to add nodes to, the step, and a tensor for each bottom; it returns
that of its top, or a list of them. A PyTorch function gets the module that is being written,
the step, and an expression for each bottom; it returns an expression, or a list of them.
"""

from collections.abc import Callable
from typing import Any

Translation = Callable[..., Any]

ONNX: dict[str, Translation] = {}
TORCH: dict[str, Translation] = {}
# What a target cannot express of a type that it has otherwise, by target and type.
UNLESS: dict[tuple[str, str], str] = {}
# Why a target does not have a type at all; '' stands for all targets.
CANNOT: dict[tuple[str, str], str] = {}
# What is taken out of a net on its way: the end of training, and where data come from.
CUT: dict[str, str] = {}
# What becomes of types that are only about wiring.
WIRING = {
    'Input': 'an input',
    'Silence': 'nothing: its bottom is no output',
    'Split': 'nothing: its bottom is read several times',
}


class Inexpressible(Exception):
    """A layer whose fields or shapes the target has no words for; the message is the reason."""


def onnx(*types: str, unless: str = '') -> Callable[[Translation], Translation]:
    """Register what writes these layer types as ONNX nodes; `unless`: what it cannot write."""
    return _keep('ONNX', ONNX, types, unless)


def torch(*types: str, unless: str = '') -> Callable[[Translation], Translation]:
    """Register what writes these layer types as PyTorch expressions; `unless`: what it cannot
    write."""
    return _keep('PyTorch', TORCH, types, unless)


def _keep(
    target: str, registry: dict[str, Translation], types: tuple[str, ...], unless: str
) -> Callable[[Translation], Translation]:
    def keep(function: Translation) -> Translation:
        for type in types:
            registry[type] = function
            if unless:
                UNLESS[target, type] = unless
        return function

    return keep


def cannot(reason: str, *types: str, target: str = '') -> None:
    """Say why a target, or none, has these layer types."""
    for type in types:
        CANNOT[target, type] = reason


def cut(reason: str, *types: str) -> None:
    """Say why these layer types are taken out of a net on its way."""
    for type in types:
        CUT[type] = reason


def reason_against(target: str, type: str) -> str:
    """Why a target does not have a layer type; '' where it has it."""
    if type in {'ONNX': ONNX, 'PyTorch': TORCH}[target] or type in WIRING:
        return ''
    given = CANNOT.get((target, type)) or CANNOT.get(('', type)) or CUT.get(type)
    return given or 'nobody has said yet how it is expressed'
