"""The walk: every layer of a net once per batch, in topological order, with a halt at each layer.

It exists once. Whatever works on a net layer by layer is a loop over it:

    for step in walk(net, batches):
        if step.affine:
            moments = step.forward()
            step.rescale(1 / moments.std)

At the halt the layer's bottoms are known for all batches and its tops are not yet. `step.forward()`
computes them; where the loop does not, the walk does. z = W x + b is linear in W and b, so
rescaling the weights rescales the tops that are there, and no layer runs twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..netlib import Net
from ..netlib.blob import Param
from ..netlib.errors import DataError
from ..netlib.layers import Layer
from ..netlib.layers.shared.affine import Affine
from ..proto.caffe_pb2 import TEST
from .activations import Activations, Batch
from .moments import Moments, output_moments, pooled


class Step:
    """One layer at its turn. `affine` says that it has weights W and perhaps b.

    `bias` is the b that an initializer may set: None where there is none, where it belongs to
    another layer, and where it does not learn. `moments` is what forward returned, changed by each
    rescale.
    """

    def __init__(self, net: Net, index: int, kept: Activations):
        self.net, self.index, self.kept = net, index, kept
        self.layer: Any = net.layers[index]
        self.bottom, self.top = net.bottoms[index], net.tops[index]
        self.affine = isinstance(self.layer, Affine)
        self.bias = settable_bias(self.layer)
        self.moments: Moments | None = None
        self.done = False

    def samples(self, limit: int, rng: np.random.Generator) -> np.ndarray:
        """At most `limit` of the rows that meet W, drawn evenly from all batches of all ranks:
        (groups, rows, fan-in).

        They may lie in a buffer of the layer: good until the next call.
        """
        ranks = self.net.ranks
        counts = [self._sample_count(batch) for batch in range(self.kept.batches)]
        owned = ranks.gather([(ranks.rank, batch, count) for batch, count in enumerate(counts)])
        chosen, left = [], limit
        for i, (rank, batch, count) in enumerate(owned):
            share = min(count, -(-left // (len(owned) - i)))
            positions = np.sort(rng.permutation(count)[:share])
            left -= share
            if share and rank == ranks.rank:
                chosen.append((batch, positions))
        parts = ranks.gather([self._rows(chosen)] if chosen else [])
        if not parts:
            return np.empty((self.layer.groups, 0, 0), np.float32)
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _sample_count(self, batch: int) -> int:
        self.kept.load(batch, self.bottom)
        self.layer.reshape(self.bottom, self.top)
        return self.layer.sample_count(self.bottom)

    def _rows(self, chosen: list[tuple[int, np.ndarray]]) -> np.ndarray:
        """The rows at the positions chosen of each batch, one batch after the other."""
        total, start = sum(len(positions) for _, positions in chosen), 0
        for batch, positions in chosen:
            self._sample_count(batch)
            rows = self.layer.samples(self.bottom, positions).array()
            if len(positions) == total:
                return rows
            if not start:
                out = np.empty((rows.shape[0], total, rows.shape[2]), rows.dtype)
            out[:, start : start + len(positions)] = rows
            start += len(positions)
        return out

    def input_std(self) -> float:
        """The standard deviation of all elements of the first bottom."""
        parts = []
        for batch in range(self.kept.batches):
            self.kept.load(batch, self.bottom)
            x = self.bottom[0].values.array()
            parts.append(
                Moments(np.array([x.mean(dtype=float)]), np.array([x.var(dtype=float)]), x.size)
            )
        return float(np.sqrt(pooled(self.net.ranks.gather(parts)).var[0]))

    def forward(self) -> Moments:
        """Run the layer on every batch; the moments of its outputs over all ranks if it is affine,
        else empty ones."""
        parts: list[Moments] = []
        for batch in range(self.kept.batches):
            self.kept.load(batch, self.bottom)
            self.net.forward_layer(self.index)
            if self.affine:
                parts.extend(output_moments(self.layer, blob) for blob in self.top)
            self.kept.save(batch, self.bottom, self.top)
        self.done = True
        self.moments = (
            pooled(self.net.ranks.gather(parts)) if parts else Moments(np.zeros(0), np.zeros(0), 0)
        )
        if not np.isfinite(self.moments.mean + self.moments.var).all():
            raise DataError(
                f"layer '{self.layer.name}' ({self.layer.type}): its outputs are not finite (NaN or "
                'Inf). Look for NaN in the data, or weights far too large below it'
            )
        return self.moments

    def rescale(self, factor: float | np.ndarray, bias: np.ndarray | None = None) -> None:
        """W *= factor (one number, or one per output), b = bias where given; the tops and moments
        follow."""
        layer = self.layer
        factor = np.broadcast_to(np.asarray(factor, float), (layer.num_output,))
        view = layer.weight_view()
        view *= factor.reshape(*view.shape[:2], *(1,) * (view.ndim - 2)).astype(view.dtype)
        old = layer.bias.data.astype(float) if layer.bias else np.zeros(layer.num_output)
        new = old if bias is None else np.asarray(bias, float)
        if bias is not None:
            layer.bias.data = new
        if self.moments is not None:
            self._follow(factor, new - factor * old)

    def _follow(self, factor, shift):
        """z = factor z + shift, for the tops of all batches."""
        e, shape = self.net.engine, (1, self.layer.num_output, 1)
        a, c = (self.layer.buffer(name, *shape) for name in ('factor', 'shift'))
        a.array(write=True)[...] = factor.reshape(shape)
        c.array(write=True)[...] = shift.reshape(shape)
        for batch in range(self.kept.batches):
            self.kept.load(batch, self.top)
            for blob in self.top:
                y = self.layer.by_output(blob.values)
                e.binary('mul', y, a, out=y)
                e.binary('add', y, c, out=y)
            self.kept.save(batch, [], self.top)
        m = self.moments
        self.moments = Moments(factor * m.mean + shift, factor**2 * m.var, m.count)


def settable_bias(layer: Layer) -> Param | None:
    """The bias of an affine layer, if it is its own and learns."""
    bias = layer.bias if isinstance(layer, Affine) else None
    return bias if bias is not None and bias.owner is bias and bias.learns else None


def walk(net: Net, batches: Sequence[Batch], keep: Iterable[str] = ()) -> Iterator[Step]:
    """Halt at each layer in turn.

    batches: for each batch the values of the net's Input blobs (an empty dict where data layers
    feed the net; they read the next batch each time). Activations are freed after their last use,
    but for the blobs named in `keep`.
    """
    kept = Activations(net, batches, set(keep))
    for index in range(len(net.layers)):
        step = Step(net, index, kept)
        yield step
        if not step.done:
            step.forward()
        step.layer.work.free()
        kept.release(index)


@contextmanager
def measuring(net: Net, dropout: bool = False) -> Iterator[None]:
    """A net as initializers look at it: dropout passes everything (unless `dropout`), and what
    forward itself changes (the running statistics of BatchNorm) is put back afterwards.
    """
    layers = [layer for layer in net.layers if layer.type == 'Dropout' and not dropout]
    phases = [layer.phase for layer in layers]
    affine = {p.owner for layer in net.layers if isinstance(layer, Affine) for p in layer.params}
    state = [(p, p.data.copy()) for p in net.all_params() if p.owner is p and p not in affine]
    for layer in layers:
        layer.phase = TEST
    try:
        yield
    finally:
        for layer, phase in zip(layers, phases, strict=True):
            layer.phase = phase
        for param, values in state:
            param.data = values
