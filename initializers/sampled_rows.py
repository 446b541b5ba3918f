"""Rows drawn evenly from all uses and all batches of all ranks: the samples that reach a layer's
weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ..netlib import Net
from ..netlib.blob import Blob
from ..netlib.memory import Tensor
from .activations import Activations


@dataclass(frozen=True)
class Use:
    """One of the layers that apply the same weights: its index in the net, its bottoms and tops."""

    index: int
    layer: Any
    bottom: list[Blob]
    top: list[Blob]


@dataclass
class BatchRows:
    """The rows of one use in one batch of one rank: their number, and the indices of those drawn
    (an array of ascending integers)."""

    rank: int
    use: int
    batch: int
    count: int
    positions: Any = ()


class SampledRows:
    """The rows multiplied by the weights of affine layers that share them, use by use and batch by
    batch.

    All ranks draw the same numbers, and each takes the rows of its own batches. One that is alone
    leaves them where its engine computes: several exchange them between their hosts.
    """

    def __init__(self, uses: Sequence[Use], kept: Activations, net: Net):
        self.uses = uses
        self.kept = kept
        self.ranks = net.ranks
        self.engine = net.engine

    def draw(self, limit: int, rng: Generator) -> ndarray | Tensor:
        """At most `limit` of the rows, (groups, rows, fan-in); if there are none, the last axis is
        empty too. A Tensor if they are on a device."""
        return self.take(self.choose(limit, rng))

    def choose(self, limit: int, rng: Generator) -> list[BatchRows]:
        """Which ones, of the batches of all ranks."""
        batches = self.ranks.gather(self._counted())
        draw_positions(batches, limit, rng)
        return batches

    def take(self, batches: Sequence[BatchRows]) -> ndarray | Tensor:
        """The rows that have been chosen, as `draw` returns them."""
        chosen = []
        for each in batches:
            if each.rank == self.ranks.rank and len(each.positions):
                chosen.append(each)
        rows = [self._take(chosen)] if chosen else []
        if rows and self.ranks.size == 1 and self.engine.on_device:
            return rows[0]
        parts = self.ranks.gather([each.array() for each in rows])
        if not parts:
            return np.empty((self.uses[0].layer.groups, 0, 0), np.float32)
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _counted(self) -> list[BatchRows]:
        """This rank's batches, with nothing drawn yet."""
        batches = []
        for use, found in enumerate(self.uses):
            for batch in range(self.kept.batches):
                self.kept.reshape(batch, found.bottom)
                found.layer.reshape(found.bottom, found.top)
                count = found.layer.sample_count(found.bottom)
                batches.append(BatchRows(self.ranks.rank, use, batch, count))
        return batches

    def _take(self, chosen: list[BatchRows]) -> Tensor:
        """The rows drawn, one batch after another, in a buffer of the layer."""
        layer = self.uses[0].layer
        total = sum(len(each.positions) for each in chosen)
        fan_in = layer.weight.values.size // layer.num_output
        out = layer.buffer('samples', layer.groups, total, fan_in)
        start = 0
        for each in chosen:
            self._put(each, out, start)
            start += len(each.positions)
        return out

    def _put(self, drawn: BatchRows, out: Tensor, start: int) -> None:
        """The rows drawn from a batch, from row `start` of `out` (groups, rows, fan-in) on."""
        self._load(drawn.use, drawn.batch)
        use = self.uses[drawn.use]
        groups, _, fan_in = out.shape
        shape = (groups, len(drawn.positions), fan_in)
        if groups == 1 or shape == out.shape:
            part = Tensor(shape, out.memory, out.offset + start * fan_in)
            use.layer.samples(use.bottom, drawn.positions, out=part)
            return
        part = self.uses[0].layer.buffer('samples of a batch', *shape)
        use.layer.samples(use.bottom, drawn.positions, out=part)
        self.engine.copy_window(part, (0, 0, 0), out=out, at=(0, start, 0), shape=shape)

    def _load(self, use: int, batch: int) -> None:
        """Put a batch into a layer's bottoms."""
        found = self.uses[use]
        self.kept.load(batch, found.bottom)
        found.layer.reshape(found.bottom, found.top)


def draw_positions(batches: list[BatchRows], limit: int, rng: Generator) -> None:
    """Draw the positions of at most `limit` rows. If a batch has too few rows for its share, later
    batches make up for it."""
    left = limit
    for i, each in enumerate(batches):
        batches_left = len(batches) - i
        share = -(-left // batches_left)  # rounded up
        each.positions = np.sort(rng.permutation(each.count)[:share])
        left -= len(each.positions)
