"""Numbers that are not finite: where they start, and what training does about them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import isfinite
from typing import Literal

import numpy as np

from ..netlib import Net
from ..netlib.errors import SolverError
from ..netlib.layers import Layer
from ..netlib.memory import Tensor
from ..proto.caffe_pb2 import SolverParameter
from .events import NotFinite

OnNaN = Literal['stop', 'warn'] | None


class FiniteGuard:
    """Handles numbers that are not finite.

    `on_nan`: 'stop' raises SolverError; 'warn' reports an event for the first of them; None ignores
    them, as Caffe does.
    """

    def __init__(self, param: SolverParameter, net: Net, on_nan: OnNaN):
        self.param = param
        self.net = net
        self.on_nan = on_nan
        self.warned = False

    @property
    def watches(self) -> bool:
        """Whether such a number would now have any consequence."""
        return self.on_nan is not None and not self.warned

    def check_number(self, iteration: int, what: str, value: float) -> NotFinite | None:
        """Check a number; nothing is reported for a finite one. Raises SolverError."""
        if isfinite(value):
            return None
        found = f'{what} is {value:g}'
        tensors = chain(forward_values(self.net), gradients(self.net))
        where = first_not_finite(tensors)
        if where:
            found += f'; the first that is not finite: {where}'
        error = self._error(iteration, found)
        if self.on_nan == 'stop':
            raise error
        self.warned = True
        return NotFinite(iteration, str(error))

    def check_parameters(self, iteration: int) -> None:
        """Raises SolverError if 'stop' forbids a snapshot of these parameters."""
        if self.on_nan != 'stop':
            return
        tensors = chain.from_iterable(map(parameters, self.net.layers))
        name = first_not_finite(tensors)
        if name:
            found = f'{name} contains numbers that are not finite, so no snapshot is written'
            raise self._error(iteration, found)

    def _error(self, iteration: int, found: str) -> SolverError:
        clip = '' if self.param.clip_gradients > 0 else 'clip_gradients, '
        return SolverError(
            f'iteration {iteration}: {found}. Try a lower base_lr (now {self.param.base_lr:g}), '
            f'{clip}or weights initialized from data (--init lsuv)'
        )


def first_not_finite(tensors: Iterator[tuple[str, Tensor]]) -> str | None:
    """The name of the first of these named tensors that contains NaN or infinity, if any."""
    for name, tensor in tensors:
        if not np.isfinite(tensor.array()).all():
            return name
    return None


def forward_values(net: Net) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a forward pass, named, layer by layer: parameters, then tops."""
    for layer, tops in zip(net.layers, net.tops, strict=True):
        yield from parameters(layer)
        for blob in tops:
            name = f"top blob '{blob.name}' of {_described(layer)}"
            yield name, blob.values


def parameters(layer: Layer) -> Iterator[tuple[str, Tensor]]:
    """The parameters of a layer, named."""
    for k, param in enumerate(layer.params):
        name = f'parameter blob {k} of {_described(layer)}'
        yield name, param.values


def gradients(net: Net) -> Iterator[tuple[str, Tensor]]:
    """The gradients of the parameters that learn, named, in the order of a backward pass."""
    for layer in reversed(net.layers):
        for k, param in enumerate(layer.params):
            if param.learns:
                name = f'the gradient of parameter blob {k} of {_described(layer)}'
                yield name, param.diffs


def _described(layer: Layer) -> str:
    return f"layer '{layer.name}' ({layer.type})"
