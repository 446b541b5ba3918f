"""Rows drawn evenly from all batches of all ranks: the samples that meet a layer's weights."""

import numpy as np

from ..netlib import Net
from .activations import Activations


def sampled_rows(
    net: Net, index: int, kept: Activations, limit: int, rng: np.random.Generator
) -> np.ndarray:
    """At most `limit` of the rows that meet the weights of an affine layer: (groups, rows, fan-in).

    Where there are no rows, the last axis is empty too. All ranks draw alike, and each takes the
    rows of its own batches.
    """
    rows = BatchRows(net, index, kept)
    chosen = []
    for rank, batch, positions in draw_positions(rows.counts(), limit, rng):
        if rank == net.ranks.rank and len(positions):
            chosen.append((batch, positions))
    parts = net.ranks.gather([rows.take(chosen)] if chosen else [])
    if not parts:
        return np.empty((rows.layer.groups, 0, 0), np.float32)
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def draw_positions(
    counts: list[tuple[int, int, int]], limit: int, rng: np.random.Generator
) -> list[tuple[int, int, np.ndarray]]:
    """(rank, batch, positions of the rows drawn) for each (rank, batch, number of rows).

    What a batch cannot give of its share, the later ones give.
    """
    drawn = []
    left = limit
    for i, (rank, batch, count) in enumerate(counts):
        share = -(-left // (len(counts) - i))  # rounded up
        positions = np.sort(rng.permutation(count)[:share])
        drawn.append((rank, batch, positions))
        left -= len(positions)
    return drawn


class BatchRows:
    """The rows that meet an affine layer's weights, batch by batch."""

    def __init__(self, net: Net, index: int, kept: Activations):
        self.ranks = net.ranks
        self.layer = net.layers[index]
        self.bottom = net.bottoms[index]
        self.top = net.tops[index]
        self.kept = kept

    def counts(self) -> list[tuple[int, int, int]]:
        """(rank, batch, number of rows) for all batches of all ranks."""
        mine = [(self.ranks.rank, batch, self.load(batch)) for batch in range(self.kept.batches)]
        return self.ranks.gather(mine)

    def load(self, batch: int) -> int:
        """Put a batch into the layer's bottoms; returns its number of rows."""
        self.kept.load(batch, self.bottom)
        self.layer.reshape(self.bottom, self.top)
        return self.layer.sample_count(self.bottom)

    def take(self, chosen: list[tuple[int, np.ndarray]]) -> np.ndarray:
        """The rows at the positions chosen of each batch, one batch after the other."""
        if len(chosen) == 1:
            return self.rows(*chosen[0])
        total = sum(len(positions) for _, positions in chosen)
        out = np.empty(0)
        start = 0
        for batch, positions in chosen:
            rows = self.rows(batch, positions)
            groups, count, fan_in = rows.shape
            if not start:
                out = np.empty((groups, total, fan_in), rows.dtype)
            out[:, start : start + count] = rows
            start += count
        return out

    def rows(self, batch: int, positions: np.ndarray) -> np.ndarray:
        """The rows at these positions, in a buffer of the layer."""
        self.load(batch)
        return self.layer.samples(self.bottom, positions).array()
