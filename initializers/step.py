"""Step: a layer at its turn in the walk, and what an initializer can do with it."""

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
from .sampled_rows import SampledRows

NO_MOMENTS = Moments(np.zeros(0), np.zeros(0), 0)


class Step:
    """One layer at its turn: its bottoms are known for all batches, but not yet its tops.

    affine    whether the layer has weights W and optionally a bias b: z = W x + b
    bias      the b that an initializer may set; None if there is none, if it belongs to another
              layer, or if it does not learn
    moments   of z, after `forward`; they follow each `rescale`
    done      whether the layer has run
    """

    def __init__(self, net: Net, index: int, kept: Activations):
        self.net = net
        self.index = index
        self.kept = kept
        self.layer: Any = net.layers[index]
        self.bottom = net.bottoms[index]
        self.top = net.tops[index]
        self.affine = isinstance(self.layer, Affine)
        self.bias = settable_bias(self.layer)
        self.moments = NO_MOMENTS
        self.done = False

    def samples(self, limit: int, rng: Generator) -> ndarray:
        """At most `limit` of the rows multiplied by W, drawn evenly from all batches of all ranks:
        (groups, rows, fan-in).

        They may be in a buffer of the layer, valid until the next call.
        """
        rows = SampledRows(self.layer, self.bottom, self.top, self.kept, self.net.ranks)
        return rows.draw(limit, rng)

    def input_std(self) -> float:
        """The standard deviation of all elements of the first bottom."""
        parts = []
        for batch in range(self.kept.batches):
            self.kept.load(batch, self.bottom)
            x = self.bottom[0].values.array()
            mean = x.mean(dtype=float, keepdims=True)
            var = x.var(dtype=float, keepdims=True)
            parts.append(Moments(mean.ravel(), var.ravel(), x.size))
        moments = pooled(self.net.ranks.gather(parts))
        return float(np.sqrt(moments.var[0]))

    def forward(self) -> Moments:
        """Run the layer on every batch.

        Returns the moments of its outputs over all ranks if it is affine, or empty moments. Raises
        DataError for outputs that are not finite.
        """
        parts: list[Moments] = []
        for batch in range(self.kept.batches):
            self.kept.load(batch, self.bottom)
            self.net.forward_layer(self.index)
            if self.affine:
                parts.extend(output_moments(self.layer, blob) for blob in self.top)
            self.kept.save(batch, self.bottom, self.top)
        self.done = True
        if parts:
            self.moments = pooled(self.net.ranks.gather(parts))
        self._check_finite()
        return self.moments

    def _check_finite(self) -> None:
        sums = self.moments.mean + self.moments.var
        if not np.isfinite(sums).all():
            raise DataError(
                f"layer '{self.layer.name}' ({self.layer.type}): its outputs are not finite "
                '(NaN or Inf). Look for NaN in the data, or weights far too large below it'
            )

    def bias_values(self) -> ndarray:
        """The current b, whoever owns it: (num_output,) float64; zeros without a bias."""
        if self.layer.bias is None:
            return np.zeros(self.layer.num_output)
        return self.layer.bias.data.astype(float)

    def rescale(self, factor: float | ndarray, bias: ndarray | None = None) -> None:
        """W *= factor (one number, or one per output), b = bias if given.

        z = W x + b is linear in W and b, so the tops and moments follow: no layer runs twice.
        """
        old = self.bias_values()
        factor = np.broadcast_to(np.asarray(factor, float), old.shape)
        self._scale_weights(factor)
        new = old
        if bias is not None:
            new = np.asarray(bias, float)
            self.layer.bias.data = new
        if self.done:
            shift = new - factor * old
            self._follow(factor, shift)

    def _scale_weights(self, factor: ndarray) -> None:
        weights = self.layer.weight_view()
        groups, outputs, *inputs = weights.shape
        ones = [1] * len(inputs)
        by_output = factor.reshape(groups, outputs, *ones)
        weights *= by_output.astype(weights.dtype)

    def _follow(self, factor: ndarray, shift: ndarray) -> None:
        """z = factor z + shift, for the tops of all batches."""
        engine = self.net.engine
        a = self._on_device('factor', factor)
        c = self._on_device('shift', shift)
        for batch in range(self.kept.batches):
            self.kept.load(batch, self.top)
            for blob in self.top:
                z = self.layer.by_output(blob.values)
                engine.binary('mul', z, a, out=z)
                engine.binary('add', z, c, out=z)
            self.kept.save(batch, [], self.top)
        mean = factor * self.moments.mean + shift
        var = factor**2 * self.moments.var
        self.moments = Moments(mean, var, self.moments.count)

    def _on_device(self, name: str, values: ndarray) -> Tensor:
        """The values, one for each output, as a tensor that broadcasts over z."""
        tensor = self.layer.buffer(name, 1, values.size, 1)
        tensor.array(write=True)[...] = values.reshape(tensor.shape)
        return tensor


def settable_bias(layer: Layer) -> Param | None:
    """The bias of an affine layer, if the layer owns it and it learns."""
    bias = layer.bias if isinstance(layer, Affine) else None
    if bias is None or bias.owner is not bias or not bias.learns:
        return None
    return bias
