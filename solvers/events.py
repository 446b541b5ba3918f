"""The events that a solver reports to a callable, one by one, as they happen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import nan
from typing import SupportsFloat

import numpy as np

from ..netlib import Net


@dataclass(frozen=True)
class Output:
    """An output of a net (in Caffe, a blob that no layer reads): a copy of its values, and its
    weight in the loss."""

    name: str
    values: np.ndarray
    loss_weight: float


@dataclass(frozen=True)
class Displayed:
    """Every `display` iterations: the mean loss of the last `average_loss` iterations, before the
    update. After the last iteration, only the loss is reported."""

    iter: int
    loss: float
    outputs: tuple[Output, ...] | None = None


@dataclass(frozen=True)
class Stepped:
    """lr_policy multistep has taken step number `step`, counted from 1."""

    iter: int
    step: int


@dataclass(frozen=True)
class Rated:
    """The learning rate of the update that follows; reported as often as Displayed."""

    iter: int
    lr: float


@dataclass(frozen=True)
class Clipped:
    """The gradients had norm `norm` and were scaled down to `limit`, the value of clip_gradients.
    On a device, this is reported only in iterations in which numbers are read (see Solver)."""

    iter: int
    norm: float
    limit: float


@dataclass(frozen=True)
class Tested:
    """A test net was run: each output's mean over test_iter batches; `loss` is None without
    test_compute_loss."""

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


@dataclass(frozen=True)
class Magnitude:
    """With debug_info: the mean absolute value of one half ('data' or 'diff') of a layer's blob.

    `direction` is 'Forward' or 'Backward', `blob` for example 'top blob conv1' or 'param blob 0'.
    """

    direction: str
    layer: str
    blob: str
    half: str
    mean: float


@dataclass(frozen=True)
class Norms:
    """With debug_info, after a backward pass: the L1 and L2 norms of all parameters, each of
    (values, gradients)."""

    l1: tuple[float, float]
    l2: tuple[float, float]


@dataclass(frozen=True)
class NotFinite:
    """Training continues with numbers that are not finite; `message` says where they are."""

    iter: int
    message: str


Event = Displayed | Stepped | Rated | Clipped | Tested | Snapshotted | Magnitude | Norms | NotFinite
Report = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A Report that ignores all events."""


def outputs_of(net: Net) -> tuple[Output, ...]:
    """The current outputs of a net, in Caffe's order."""
    weights: dict[str, float] = {}
    for layer, tops in zip(net.layers, net.tops, strict=True):
        for top, weight in zip(tops, layer.loss_weights, strict=True):
            weights[top.name] = weight
    outputs = []
    for name in net.outputs:
        values = net.blobs[name].values.array().copy()
        outputs.append(Output(name, values, weights[name]))
    return tuple(outputs)


def mean_outputs(
    net: Net, batches: int, forward: Callable[[Net], SupportsFloat] = Net.forward
) -> tuple[tuple[Output, ...], float]:
    """The outputs of a net and its loss, averaged over this many forward passes; none and NaN for
    no passes."""
    if batches == 0:
        return (), nan
    loss = float(forward(net))
    outputs = outputs_of(net)
    for _ in range(batches - 1):
        loss += float(forward(net))
        outputs = tuple(map(_added, outputs, outputs_of(net)))
    means = [replace(output, values=output.values / batches) for output in outputs]
    return tuple(means), loss / batches


def _added(a: Output, b: Output) -> Output:
    return replace(a, values=a.values + b.values)
