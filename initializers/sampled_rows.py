"""Rows drawn evenly from all uses and all batches of all ranks: the samples that reach a layer's
weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ..netlib.blob import Blob
from ..netlib.ranks import Ranks
from .activations import Activations

Rows = ndarray  # (groups, rows, fan-in)


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

    All ranks draw the same numbers, and each takes the rows of its own batches.
    """

    def __init__(self, uses: Sequence[Use], kept: Activations, ranks: Ranks):
        self.uses = uses
        self.kept = kept
        self.ranks = ranks

    def draw(self, limit: int, rng: Generator) -> Rows:
        """At most `limit` of the rows; if there are none, the last axis is empty too."""
        batches = self.ranks.gather(self._counted())
        draw_positions(batches, limit, rng)
        chosen = []
        for each in batches:
            if each.rank == self.ranks.rank and len(each.positions):
                chosen.append(each)
        parts = self.ranks.gather([self._take(chosen)] if chosen else [])
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

    def _take(self, chosen: list[BatchRows]) -> Rows:
        """The rows drawn, one batch after another."""
        if len(chosen) == 1:
            return self._rows(chosen[0])
        total = sum(len(each.positions) for each in chosen)
        out = np.empty(0)
        start = 0
        for each in chosen:
            rows = self._rows(each)
            groups, count, fan_in = rows.shape
            if start == 0:
                out = np.empty((groups, total, fan_in), rows.dtype)
            out[:, start : start + count] = rows
            start += count
        return out

    def _rows(self, drawn: BatchRows) -> Rows:
        """The rows drawn from a batch, in a buffer of the layer."""
        self._load(drawn.use, drawn.batch)
        use = self.uses[drawn.use]
        return use.layer.samples(use.bottom, drawn.positions).array()

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
