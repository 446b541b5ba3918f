"""For debug_info: the magnitudes of each layer's results, forward and backward."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

import numpy as np

from ..netlib import Net
from ..netlib.layers import Layer
from ..netlib.losses import add_loss
from ..netlib.memory import Tensor
from .events import Magnitude, Norms, Report


def forward(net: Net, report: Report) -> Tensor:
    """Net.run, with a report on the tops and parameters of each layer as soon as it has run."""
    loss, is_first = net.engine.tensor(1), True
    for i, (layer, tops) in enumerate(zip(net.layers, net.tops, strict=True)):
        net.forward_layer(i)
        is_first = add_loss(layer, tops, loss, is_first)
        for blob in tops:
            name = f'top blob {blob.name}'
            report(Magnitude('Forward', layer.name, name, 'data', mean(blob.values)))
        for k, param in enumerate(layer.params):
            name = f'param blob {_given_name(layer, k) or k}'
            report(Magnitude('Forward', layer.name, name, 'data', mean(param.values)))
    return loss


def _given_name(layer: Layer, k: int) -> str:
    """The name of parameter k in the prototxt, or ''."""
    specs = layer.param.param
    return specs[k].name if k < len(specs) else ''


def backward(net: Net, report: Report) -> None:
    """Net.backward, with a report on each layer's gradients, and at the end on the norms of all
    parameters."""
    for i in reversed(range(len(net.layers))):
        if net.runs_backward[i]:
            net.backward(i, i)
            _report_gradients(net, i, report)
    owners = [param for param in net.all_params() if param.owner is param]
    values = [param.values for param in owners]
    diffs = [param.diffs for param in owners]
    l1 = (_total(absolute, values), _total(absolute, diffs))
    l2 = (sqrt(_total(square, values)), sqrt(_total(square, diffs)))
    report(Norms(l1, l2))


def _report_gradients(net: Net, i: int, report: Report) -> None:
    layer = net.layers[i]
    for blob, wanted in zip(net.bottoms[i], net.propagate_down[i], strict=True):
        if wanted:
            name = f'bottom blob {blob.name}'
            report(Magnitude('Backward', layer.name, name, 'diff', mean(blob.diffs)))
    for k, param in enumerate(layer.params):
        if param.learns:
            name = f'param blob {k}'
            report(Magnitude('Backward', layer.name, name, 'diff', mean(param.diffs)))


def _total(norm, tensors: Iterable[Tensor]) -> float:
    return sum(map(norm, tensors))


def absolute(tensor: Tensor) -> float:
    """The sum of the absolute values."""
    return float(np.abs(tensor.array()).sum(dtype=np.float64))


def square(tensor: Tensor) -> float:
    """The sum of the squares."""
    return float(np.square(tensor.array(), dtype=np.float64).sum())


def mean(tensor: Tensor) -> float:
    """The mean absolute value."""
    return absolute(tensor) / max(tensor.size, 1)
