"""Looking into a net while it trains: the magnitudes that debug_info asks for, and where numbers
stop being finite."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

import numpy as np

from ..netlib import Net
from ..netlib.layers import Layer
from ..netlib.losses import add_loss
from ..netlib.memory import Tensor
from .events import Magnitude, Norms, Report


def forward(net: Net, report: Report) -> Tensor:
    """Net.run, reporting the tops and parameters of each layer as soon as it has run."""
    loss = net.engine.tensor(1)
    for i, (layer, tops) in enumerate(zip(net.layers, net.tops, strict=True)):
        net.forward_layer(i)
        add_loss(layer, tops, loss)
        for blob in tops:
            report(
                Magnitude('Forward', layer.name, f'top blob {blob.name}', 'data', mean(blob.values))
            )
        for k, param in enumerate(layer.params):
            spec = layer.param.param[k].name if k < len(layer.param.param) else ''
            report(
                Magnitude(
                    'Forward', layer.name, f'param blob {spec or k}', 'data', mean(param.values)
                )
            )
    return loss


def backward(net: Net, report: Report) -> None:
    """Net.backward, reporting the gradients that each layer computes, at the end the norms of all
    parameters."""
    for i in reversed(range(len(net.layers))):
        if not net.runs_backward[i]:
            continue
        layer = net.layers[i]
        net.backward(i, i)
        for blob, wanted in zip(net.bottoms[i], net.propagate_down[i], strict=True):
            if wanted:
                report(
                    Magnitude(
                        'Backward', layer.name, f'bottom blob {blob.name}', 'diff', mean(blob.diffs)
                    )
                )
        for k, param in enumerate(layer.params):
            if param.learns:
                report(
                    Magnitude('Backward', layer.name, f'param blob {k}', 'diff', mean(param.diffs))
                )
    owned = [param for param in net.all_params() if param.owner is param]
    halves = [[param.values for param in owned], [param.diffs for param in owned]]
    l1, l2 = (
        [sum(norm(tensor) for tensor in half) for half in halves] for norm in (absolute, square)
    )
    report(Norms((l1[0], l1[1]), (sqrt(l2[0]), sqrt(l2[1]))))


def absolute(tensor: Tensor) -> float:
    """The sum of the absolute values."""
    return float(np.abs(tensor.array()).sum(dtype=np.float64))


def square(tensor: Tensor) -> float:
    """The sum of the squares."""
    return float(np.square(tensor.array(), dtype=np.float64).sum())


def mean(tensor: Tensor) -> float:
    """The mean absolute value."""
    return absolute(tensor) / max(tensor.size, 1)


def first_not_finite(*groups: Iterator[tuple[str, Tensor]]) -> str | None:
    """The name of the first of these named tensors that holds NaN or an infinity; None where all
    are finite."""
    return next(
        (
            name
            for group in groups
            for name, tensor in group
            if not np.isfinite(tensor.array()).all()
        ),
        None,
    )


def forward_values(net: Net) -> Iterator[tuple[str, Tensor]]:
    """What a forward pass reads and makes, named, layer by layer: parameters, then tops."""
    for layer, tops in zip(net.layers, net.tops, strict=True):
        yield from parameters(layer)
        for blob in tops:
            yield f"top blob '{blob.name}' of layer '{layer.name}' ({layer.type})", blob.values


def parameters(layer: Layer) -> Iterator[tuple[str, Tensor]]:
    """The parameters of a layer, named."""
    for k, param in enumerate(layer.params):
        yield f"parameter blob {k} of layer '{layer.name}' ({layer.type})", param.values


def gradients(net: Net) -> Iterator[tuple[str, Tensor]]:
    """The gradients of the parameters that learn, named, in the order of a backward pass."""
    for layer in reversed(net.layers):
        for k, param in enumerate(layer.params):
            if param.learns:
                yield (
                    f"the gradient of parameter blob {k} of layer '{layer.name}' ({layer.type})",
                    param.diffs,
                )
