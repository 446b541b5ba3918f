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
        batches = self.ranks.gather(self._counted())
        draw_positions(batches, limit, rng)
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
        for use in range(len(self.uses)):
            for batch in range(self.kept.batches):
                count = self._load(use, batch)
                batches.append(BatchRows(self.ranks.rank, use, batch, count))
        return batches

    def _take(self, chosen: list[BatchRows]) -> Tensor:
        """The rows drawn, one batch after another."""
        if len(chosen) == 1:
            return self._rows(chosen[0])
        total = sum(len(each.positions) for each in chosen)
        out = self.engine.tensor(0)
        start = 0
        for each in chosen:
            rows = self._rows(each)
            groups, count, fan_in = rows.shape
            if start == 0:
                out = self.engine.tensor(groups, total, fan_in)
            at = (0, start, 0)
            self.engine.copy_window(rows, (0, 0, 0), out=out, at=at, shape=rows.shape)
            start += count
        return out

    def _rows(self, drawn: BatchRows) -> Tensor:
        """The rows drawn from a batch, in a buffer of the layer."""
        self._load(drawn.use, drawn.batch)
        use = self.uses[drawn.use]
        return use.layer.samples(use.bottom, drawn.positions)

    def _load(self, use: int, batch: int) -> int:
        """Put a batch into a layer's bottoms; returns its number of rows."""
        found = self.uses[use]
        self.kept.load(batch, found.bottom)
        found.layer.reshape(found.bottom, found.top)
        return found.layer.sample_count(found.bottom)


def draw_positions(batches: list[BatchRows], limit: int, rng: Generator) -> None:
    """Draw the positions of at most `limit` rows. If a batch has too few rows for its share, later
    batches make up for it."""
    left = limit
    for i, each in enumerate(batches):
        batches_left = len(batches) - i
        share = -(-left // batches_left)  # rounded up
        each.positions = np.sort(rng.permutation(each.count)[:share])
        left -= len(each.positions)
