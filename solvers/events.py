"""What a solver tells whoever listens: a callable that receives these, one by one, as they happen."""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..netlib import Net


@dataclass(frozen=True)
class Output:
    """An output of a net, by Caffe a blob that no layer reads: its values (a copy), and its weight in the loss."""
    name: str
    values: np.ndarray
    loss_weight: float


@dataclass(frozen=True)
class Displayed:
    """Every `display` iterations: the mean loss of the last `average_loss` ones, before the update. The line after the
    last iteration has a loss alone."""
    iter: int
    loss: float
    lr: float | None = None
    outputs: tuple[Output, ...] = ()


@dataclass(frozen=True)
class Clipped:
    """The gradients were scaled down to the norm `clip_gradients`; they had the norm `norm`."""
    iter: int
    norm: float


@dataclass(frozen=True)
class Tested:
    """A test net was run: each output's mean over test_iter batches; `loss` is None without test_compute_loss."""
    iter: int
    net: int
    outputs: tuple[Output, ...]
    loss: float | None


@dataclass(frozen=True)
class Snapshotted:
    """A snapshot was written: the weights and the state."""
    iter: int
    weights: str
    state: str


Event = Displayed | Clipped | Tested | Snapshotted


def outputs_of(net: Net) -> tuple[Output, ...]:
    """The outputs of a net as they are now, in Caffe's order."""
    weights = {top.name: weight for layer, tops in zip(net.layers, net.tops, strict=True)
               for top, weight in zip(tops, layer.loss_weights, strict=True)}
    return tuple(Output(name, net.blobs[name].values.array().copy(), weights[name]) for name in net.outputs)


def mean_outputs(net: Net, batches: int) -> tuple[tuple[Output, ...], float]:
    """The outputs of a net and its loss, element by element the mean over as many forward passes."""
    loss, sums = net.forward(), outputs_of(net)
    for _ in range(batches - 1):
        loss += net.forward()
        sums = tuple(replace(a, values=a.values + b.values) for a, b in zip(sums, outputs_of(net), strict=True))
    return tuple(replace(output, values=output.values / batches) for output in sums), loss / batches
