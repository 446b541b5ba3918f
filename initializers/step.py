"""Step: a layer at its turn in the walk, and what an initializer can do with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ..netlib import Net
from ..netlib.blob import Param
from ..netlib.errors import DataError
from ..netlib.layers import Layer
from ..netlib.layers.shared.affine import Affine
from ..netlib.memory import Tensor
from .activations import Activations
from .moments import Moments, output_moments, pooled
from .sampled_rows import SampledRows, Use
from .turns import Turn

NO_MOMENTS = Moments(np.zeros(0), np.zeros(0), 0)


class Step:
    """One layer at its turn, or several that share weights: the bottoms are known for all batches,
    but not yet the tops.

    layer     the layer, or the first of several, which owns the weights
    uses      all of these layers with their bottoms and tops
    affine    whether the layer has weights W and optionally a bias b: z = W x + b
    bias      the b that an initializer may set; None if there is none, if it belongs to another
              layer, or if it does not learn
    moments   of z, after `forward`; they follow each `rescale`. z of all uses, with the bias of
              `layer`
    done      whether the layers have run
    """

    def __init__(self, net: Net, turn: Turn, kept: Activations):
        self.net = net
        self.index = turn[0]
        self.kept = kept
        self.layer: Any = net.layers[self.index]
        self.bottom = net.bottoms[self.index]
        self.top = net.tops[self.index]
        self.uses = [Use(i, net.layers[i], net.bottoms[i], net.tops[i]) for i in turn]
        self.affine = isinstance(self.layer, Affine)
        self.bias = settable_bias(self.layer)
        self.moments = NO_MOMENTS
        self.done = False

    @property
    def names(self) -> list[str]:
        """The names of the layers."""
        return [use.layer.name for use in self.uses]

    def samples(self, limit: int, rng: Generator) -> ndarray:
        """`rows` on the host."""
        rows = self.rows(limit, rng)
        return rows.array() if isinstance(rows, Tensor) else rows

    def rows(self, limit: int, rng: Generator) -> ndarray | Tensor:
        """At most `limit` of the rows multiplied by W, drawn evenly from all uses and all batches
        of all ranks: (groups, rows, fan-in).

        They are a Tensor where the net computes on a device, and alone. They may be in a buffer of
        the layer, valid until the next call.
        """
        return self.sampled_rows().draw(limit, rng)

    def sampled_rows(self) -> SampledRows:
        """What draws these rows, and takes them afterwards."""
        return SampledRows(self.uses, self.kept, self.net)

    def forward(self) -> Moments:
        """Run the layers on every batch, if they have not run. A sum may write over its first
        bottom, if no later layer reads that.

        Returns the moments of their outputs over all ranks if they are affine, or empty moments.
        Raises DataError for outputs that are not finite.
        """
        if self.done:
            return self.moments
        parts: list[Moments] = []
        for use in self.uses:
            parts += self._run(use)
        self.done = True
        if parts:
            self.moments = pooled(self.net.ranks.gather(parts))
        self._check_finite()
        return self.moments

    def _run(self, use: Use) -> list[Moments]:
        """Run one layer on every batch; returns the moments of its tops."""
        parts = []
        for batch in range(self.kept.batches):
            self.kept.load(batch, use.bottom)
            with forward_only(use.layer), self.kept.overwriting(use.index):
                self.net.forward_layer(use.index)
            if self.affine:
                for blob in use.top:
                    z = output_moments(use.layer, blob)
                    z.mean += self.bias_values() - bias_values(use.layer)
                    parts.append(z)
            self.kept.save(batch, use.bottom, use.top)
        return parts

    def _check_finite(self) -> None:
        sums = self.moments.mean + self.moments.var
        if not np.isfinite(sums).all():
            raise DataError(
                f"layer '{self.layer.name}' ({self.layer.type}): its outputs are not finite "
                '(NaN or Inf). Look for NaN in the data, or weights far too large below it'
            )

    def bias_values(self) -> ndarray:
        """The current b, whoever owns it: (num_output,) float64; zeros without a bias."""
        return bias_values(self.layer)

    def rescale(self, factor: float | ndarray, bias: ndarray | None = None) -> None:
        """W *= factor (one number, or one per output), b = bias if given.

        z = W x + b is linear in W and b, so the tops and moments follow: no layer runs twice.
        """
        olds = [bias_values(use.layer) for use in self.uses]
        factor = np.broadcast_to(np.asarray(factor, float), olds[0].shape)
        self._scale_weights(factor)
        if bias is not None:
            self.layer.bias.data = np.asarray(bias, float)
        if not self.done:
            return
        for use, old in zip(self.uses, olds, strict=True):
            self._follow(use, factor, bias_values(use.layer) - factor * old)
        shift = self.bias_values() - factor * olds[0]
        mean = factor * self.moments.mean + shift
        var = factor**2 * self.moments.var
        self.moments = Moments(mean, var, self.moments.count)

    def _scale_weights(self, factor: ndarray) -> None:
        weights = self.layer.weight_view()
        groups, outputs, *inputs = weights.shape
        ones = [1] * len(inputs)
        by_output = factor.reshape(groups, outputs, *ones)
        weights *= by_output.astype(weights.dtype)

    def _follow(self, use: Use, factor: ndarray, shift: ndarray) -> None:
        """z = factor z + shift, for the tops of all batches."""
        engine = self.net.engine
        a = self._on_device('factor', factor)
        c = self._on_device('shift', shift)
        for batch in range(self.kept.batches):
            for blob in use.top:
                with self.kept.changing(batch, blob) as values:
                    z = use.layer.by_output(values)
                    engine.scale_shift(z, a, c, out=z)

    def _on_device(self, name: str, values: ndarray) -> Tensor:
        """The values, one for each output, as a tensor that broadcasts over z."""
        tensor = self.layer.buffer(name, 1, values.size, 1)
        tensor.array(write=True)[...] = values.reshape(tensor.shape)
        return tensor


@contextmanager
def forward_only(layer: Layer) -> Iterator[None]:
    """A context in which a layer keeps nothing for a backward pass."""
    before = layer.work.forward_only
    layer.work.forward_only = True
    try:
        yield
    finally:
        layer.work.forward_only = before


def settable_bias(layer: Layer) -> Param | None:
    """The bias of an affine layer, if the layer owns it and it learns."""
    bias = layer.bias if isinstance(layer, Affine) else None
    if bias is None or bias.owner is not bias or not bias.learns:
        return None
    return bias


def bias_values(layer: Affine) -> ndarray:
    """The current b of a layer, whoever owns it: (num_output,) float64; zeros without a bias."""
    if layer.bias is None:
        return np.zeros(layer.num_output)
    return layer.bias.data.astype(float)
