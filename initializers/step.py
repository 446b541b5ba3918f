"""Step: a layer at its turn in the walk, and what an initializer can ask of it there."""

from typing import Any

import numpy as np

from ..netlib import Net
from ..netlib.blob import Param
from ..netlib.errors import DataError
from ..netlib.layers import Layer
from ..netlib.layers.shared.affine import Affine
from .activations import Activations
from .moments import Moments, output_moments, pooled
from .sampled_rows import sampled_rows

NO_MOMENTS = Moments(np.zeros(0), np.zeros(0), 0)


class Step:
    """One layer at its turn: its bottoms are known for all batches, its tops are not yet.

    affine    whether the layer has weights W and perhaps a bias b: z = W x + b
    bias      the b that an initializer may set; None where there is none, where it belongs to
              another layer, and where it does not learn
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

    def samples(self, limit: int, rng: np.random.Generator) -> np.ndarray:
        """At most `limit` of the rows that meet W, drawn evenly from all batches of all ranks:
        (groups, rows, fan-in).

        They may lie in a buffer of the layer: good until the next call.
        """
        return sampled_rows(self.net, self.index, self.kept, limit, rng)

    def input_std(self) -> float:
        """The standard deviation of all elements of the first bottom."""
        parts = []
        for batch in range(self.kept.batches):
            self.kept.load(batch, self.bottom)
            x = self.bottom[0].values.array()
            mean, var = x.mean(dtype=float), x.var(dtype=float)
            parts.append(Moments(np.array([mean]), np.array([var]), x.size))
        variance = pooled(self.net.ranks.gather(parts)).var[0]
        return float(np.sqrt(variance))

    def forward(self) -> Moments:
        """Run the layer on every batch.

        Returns the moments of its outputs over all ranks if it is affine, else empty ones. Raises
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
        if not np.isfinite(self.moments.mean + self.moments.var).all():
            raise DataError(
                f"layer '{self.layer.name}' ({self.layer.type}): its outputs are not finite (NaN or "
                'Inf). Look for NaN in the data, or weights far too large below it'
            )
        return self.moments

    def bias_values(self) -> np.ndarray:
        """b as it is, whoever owns it: (num_output,) float64; zeros without one."""
        if self.layer.bias is None:
            return np.zeros(self.layer.num_output)
        return self.layer.bias.data.astype(float)

    def rescale(self, factor: float | np.ndarray, bias: np.ndarray | None = None) -> None:
        """W *= factor (one number, or one per output), b = bias where given.

        z = W x + b is linear in W and b, so the tops and moments follow: no layer runs twice.
        """
        old = self.bias_values()
        new = old if bias is None else np.asarray(bias, float)
        factor = np.broadcast_to(np.asarray(factor, float), old.shape)
        view = self.layer.weight_view()
        rows = view.shape[:2] + (1,) * (view.ndim - 2)
        view *= factor.reshape(rows).astype(view.dtype)
        if bias is not None:
            self.layer.bias.data = new
        if self.done:
            self._follow(factor, new - factor * old)

    def _follow(self, factor: np.ndarray, shift: np.ndarray) -> None:
        """z = factor z + shift, for the tops of all batches."""
        engine = self.net.engine
        a, c = self._on_device('factor', factor), self._on_device('shift', shift)
        for batch in range(self.kept.batches):
            self.kept.load(batch, self.top)
            for blob in self.top:
                z = self.layer.by_output(blob.values)
                engine.binary('mul', z, a, out=z)
                engine.binary('add', z, c, out=z)
            self.kept.save(batch, [], self.top)
        old = self.moments
        self.moments = Moments(factor * old.mean + shift, factor**2 * old.var, old.count)

    def _on_device(self, name: str, values: np.ndarray):
        """The values, one for each output, as a tensor that fits z."""
        tensor = self.layer.buffer(name, 1, values.size, 1)
        tensor.array(write=True)[...] = values.reshape(tensor.shape)
        return tensor


def settable_bias(layer: Layer) -> Param | None:
    """The bias of an affine layer, if it is its own and learns."""
    bias = layer.bias if isinstance(layer, Affine) else None
    if bias is None or bias.owner is not bias or not bias.learns:
        return None
    return bias
