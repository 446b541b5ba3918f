"""What each layer type becomes: a function for each target, or the reason why there is none.

    @onnx('Swish')
    def swish(g, step, x):
        return g.op('Mul', x, g.op('Sigmoid', g.op('Mul', x, step.param.swish_param.beta)))

    @torch('Swish')
    def swish_torch(t, step, x):
        beta = number(step.param.swish_param.beta)
        return f'{x} * torch.sigmoid({beta} * {x})'

An ONNX function gets the graph to add nodes to, the step, and the names of its bottoms; it returns
the name of its top, or a list of names. A PyTorch function gets the module that is being written,
the step, and an expression for each bottom; it returns an expression, or a list of them.
"""

from collections.abc import Callable

ONNX: dict[str, Callable] = {}
TORCH: dict[str, Callable] = {}
# Why no target has the type.
CANNOT: dict[str, str] = {}
# Why only one target lacks it.
NOT_IN_TORCH: dict[str, str] = {}
# What is taken out of a net on its way: the end of training, and where data come from.
CUT: dict[str, str] = {}


class Inexpressible(Exception):
    """A layer whose fields or shapes the target has no words for; the message is the reason."""


def onnx(*types: str) -> Callable:
    """Register what writes these layer types as ONNX nodes."""
    return _keep(ONNX, types)


def torch(*types: str) -> Callable:
    """Register what writes these layer types as PyTorch expressions."""
    return _keep(TORCH, types)


def _keep(registry: dict[str, Callable], types: tuple[str, ...]) -> Callable:
    def keep(function: Callable) -> Callable:
        registry.update(dict.fromkeys(types, function))
        return function

    return keep


def cannot(reason: str, *types: str) -> None:
    """Say why no target has these layer types."""
    CANNOT.update(dict.fromkeys(types, reason))


def not_in_torch(reason: str, *types: str) -> None:
    """Say why PyTorch does not have these layer types."""
    NOT_IN_TORCH.update(dict.fromkeys(types, reason))


def cut(reason: str, *types: str) -> None:
    """Say why these layer types are taken out of a net on its way."""
    CUT.update(dict.fromkeys(types, reason))
