"""The walk: every layer of a net once per batch, in topological order, with a halt at each layer.

It exists once. Whatever works on a net layer by layer is a loop over it:

    for step in walk(net, batches):
        if step.affine:
            moments = step.forward()
            step.rescale(1 / moments.std)

At the halt the layer's bottoms are known for all batches and its tops are not yet. `step.forward()` computes
them; where the loop does not, the walk does. z = W x + b is linear in W and b, so rescaling the weights
rescales the tops that are there, and no layer runs twice.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..netlib import Net
from ..netlib.blob import Blob, Param
from ..netlib.errors import DataError
from ..netlib.layers import Layer
from ..netlib.layers.affine import Affine
from ..proto.caffe_pb2 import TEST

Batch = dict[str, np.ndarray]

# Of equal values, float32 arithmetic makes a variance below ROUNDING times their mean square.
ROUNDING = 1e-12
TINY = 1e-30            # and no variance below this is told from 0


@dataclass
class Moments:
    """Mean and biased variance of each output over images, positions and batches: (num_output,) float64."""
    mean: np.ndarray
    var: np.ndarray
    count: int

    @property
    def total_mean(self) -> float:
        return float(self.mean.mean())

    @property
    def total_var(self) -> float:
        """The variance over all elements: within the outputs and between them."""
        return float(self.var.mean() + self.mean.var())

    @property
    def mean_square(self) -> float:
        return float((self.var + self.mean ** 2).mean())

    @property
    def constant(self) -> np.ndarray:
        """Which outputs do not vary, but for the rounding of float32 (num_output,)."""
        return ~(self.var > np.maximum(ROUNDING * self.mean ** 2, TINY))


class Step:
    """One layer at its turn. `affine` says that it has weights W and perhaps b.

    `bias` is the b that an initializer may set: None where there is none, where it belongs to another layer,
    and where it does not learn. `moments` is what forward returned, changed by each rescale.
    """

    def __init__(self, net: Net, index: int, kept: _Activations):
        self.net, self.index, self.kept = net, index, kept
        self.layer: Any = net.layers[index]
        self.bottom, self.top = net.bottoms[index], net.tops[index]
        self.affine = isinstance(self.layer, Affine)
        self.bias = settable_bias(self.layer)
        self.moments: Moments | None = None
        self.done = False

    def samples(self, limit: int, rng: np.random.Generator) -> np.ndarray:
        """At most `limit` of the rows that meet W, drawn evenly from all batches of all ranks: (groups, rows, fan-in).

        They may lie in a buffer of the layer: good until the next call.
        """
        ranks = self.net.ranks
        counts = [self._sample_count(batch) for batch in range(self.kept.batches)]
        owned = ranks.gather([(ranks.rank, batch, count) for batch, count in enumerate(counts)])
        parts, left = [], limit
        for i, (rank, batch, count) in enumerate(owned):
            share = min(count, -(-left // (len(owned) - i)))
            positions = np.sort(rng.permutation(count)[:share])
            left -= share
            if share and rank == ranks.rank:
                parts.append(self._rows(batch, positions))
        parts = ranks.gather(parts)
        if not parts:
            return np.empty((self.layer.groups, 0, 0), np.float32)
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _sample_count(self, batch: int) -> int:
        self.kept.load(batch, self.bottom)
        self.layer.reshape(self.bottom, self.top)
        return self.layer.sample_count(self.bottom)

    def _rows(self, batch: int, positions: np.ndarray) -> np.ndarray:
        if self.kept.batches > 1:
            self._sample_count(batch)
        rows = self.layer.samples(self.bottom, positions).array()
        return rows if self.kept.batches == 1 else rows.copy()

    def input_std(self) -> float:
        """The standard deviation of all elements of the first bottom."""
        parts = []
        for batch in range(self.kept.batches):
            self.kept.load(batch, self.bottom)
            x = self.bottom[0].values.array()
            parts.append(Moments(np.array([x.mean(dtype=float)]), np.array([x.var(dtype=float)]), x.size))
        return float(np.sqrt(pooled(self.net.ranks.gather(parts)).var[0]))

    def forward(self) -> Moments:
        """Run the layer on every batch; the moments of its outputs over all ranks if it is affine, else empty ones."""
        parts: list[Moments] = []
        for batch in range(self.kept.batches):
            self.kept.load(batch, self.bottom)
            self.net.forward_layer(self.index)
            if self.affine:
                parts.extend(output_moments(self.layer, blob) for blob in self.top)
            self.kept.save(batch, self.bottom, self.top)
        self.done = True
        self.moments = pooled(self.net.ranks.gather(parts)) if parts else Moments(np.zeros(0), np.zeros(0), 0)
        if not np.isfinite(self.moments.mean + self.moments.var).all():
            raise DataError(f"layer '{self.layer.name}' ({self.layer.type}): its outputs are not finite (NaN or "
                            'Inf). Look for NaN in the data, or weights far too large below it')
        return self.moments

    def rescale(self, factor: float | np.ndarray, bias: np.ndarray | None = None) -> None:
        """W *= factor (one number, or one per output), b = bias where given; the tops and moments follow."""
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
        self.moments = Moments(factor * m.mean + shift, factor ** 2 * m.var, m.count)


def settable_bias(layer: Layer) -> Param | None:
    """The bias of an affine layer, if it is its own and learns."""
    bias = layer.bias if isinstance(layer, Affine) else None
    return bias if bias is not None and bias.owner is bias and bias.learns else None


def output_moments(layer: Affine, blob: Blob) -> Moments:
    """The moments of one top of an affine layer that has just run."""
    y = layer.by_output(blob.values)
    if not y.size:
        return Moments(np.zeros(layer.num_output), np.zeros(layer.num_output), 0)
    mean, var = (layer.buffer(name, 1, layer.num_output, 1) for name in ('mean', 'var'))
    layer.engine.moments(y, mean=mean, var=var)
    return Moments(mean.array().ravel().astype(float), var.array().ravel().astype(float), y.shape[0] * y.shape[2])


def pooled(parts: Sequence[Moments]) -> Moments:
    """The moments of several sets of samples taken together."""
    counts = np.array([p.count for p in parts], float)
    if not counts.sum():
        return parts[0]
    weights = counts / counts.sum()
    means, variances = np.array([p.mean for p in parts]), np.array([p.var for p in parts])
    mean = weights @ means
    return Moments(mean, weights @ (variances + (means - mean) ** 2), int(counts.sum()))


def walk(net: Net, batches: Sequence[Batch], keep: Iterable[str] = ()) -> Iterator[Step]:
    """Halt at each layer in turn.

    batches: for each batch the values of the net's Input blobs (an empty dict where data layers feed the net;
    they read the next batch each time). Activations are freed after their last use, but for the blobs named
    in `keep`.
    """
    kept = _Activations(net, batches, set(keep))
    for index in range(len(net.layers)):
        step = Step(net, index, kept)
        yield step
        if not step.done:
            step.forward()
        step.layer.free()
        kept.release(index)


def set_inputs(net: Net, batch: Batch) -> None:
    """Give the net's Input blobs their values, and with them their shapes."""
    check_finite(batch)
    for name, values in batch.items():
        net.blobs[name].reshape(*values.shape)
        net.blobs[name].data = values


def check_finite(batch: Batch) -> None:
    """Raises DataError for an input that holds NaN or Inf."""
    for name, values in batch.items():
        if not np.isfinite(values).all():
            raise DataError(f"input '{name}': {np.sum(~np.isfinite(values))} of its {values.size} values are not "
                            'finite (NaN or Inf); leave these samples out')


@contextmanager
def measuring(net: Net, dropout: bool = False) -> Iterator[None]:
    """A net as initializers look at it: dropout passes everything (unless `dropout`), and what forward itself
    changes (the running statistics of BatchNorm) is put back afterwards.
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


class _Activations:
    """The blobs' values for each batch. With one batch they simply stay in the blobs; with several they are copied
    out of the blobs after a layer ran and into them before the next one reads.
    """

    def __init__(self, net: Net, batches: Sequence[Batch], keep: set[str]):
        self.net, self.batches, self.keep = net, len(batches), keep
        self.values: list[dict[str, np.ndarray]] = [{} for _ in batches]
        self.inputs = list(batches)
        self.last = self._last_uses()
        self.params = {param.values.memory for param in net.all_params()}
        if self.batches == 1:
            set_inputs(net, batches[0])
        else:
            for batch in batches:
                check_finite(batch)

    def load(self, batch: int, blobs) -> None:
        if self.batches > 1:
            for blob in blobs:
                values = self._find(batch, blob.name)
                blob.reshape(*values.shape)
                blob.data = values

    def _find(self, batch, name):
        return self.values[batch][name] if name in self.values[batch] else self.inputs[batch][name]

    def save(self, batch: int, bottom, top) -> None:
        if self.batches == 1:
            return
        for blob in top:
            if not bottom and blob.name in self.inputs[batch]:
                continue
            memory = blob.values.memory
            source = next((b for b in bottom if b is not blob and b.values.memory is memory), None)
            self.values[batch][blob.name] = (blob.data.copy() if source is None else
                                             self._find(batch, source.name).reshape(blob.shape))

    def release(self, index: int) -> None:
        """Drop what no later layer reads."""
        for blob in {b.name: b for b in self.net.bottoms[index] + self.net.tops[index]}.values():
            if self.last[blob.name] > index or blob.name in self.keep:
                continue
            for values in self.values:
                values.pop(blob.name, None)
            memory = blob.values.memory
            sharers = [b.name for b in self.net.blobs.values() if b.values.memory is memory]
            used = any(self.last[name] > index or name in self.keep for name in sharers)
            if not used and memory not in self.params:
                memory.free()

    def _last_uses(self):
        last = {}
        for i, (bottom, top) in enumerate(zip(self.net.bottoms, self.net.tops, strict=True)):
            last.update({blob.name: i for blob in bottom + top})
        return last
