"""Saturated outputs: those that a bounded function has pressed against an end of its range, where
its slope, and with it the gradient, is small."""

import numpy as np

from ..netlib import Net
from .histograms import evenly_spread
from .reach import bounded_sources

FLAT = 0.05  # of the range: so near to an end, a sigmoid has less than a fifth of its slope at 0


class Saturation:
    """Watches a net run forward: the outputs of bounded functions above affine layers."""

    def __init__(self, net: Net):
        self.net = net
        self.sources = bounded_sources(net)
        self.shares: dict[int, list[float]] = {}

    def see(self, i: int) -> None:
        """Layer i has run."""
        bounds = self.net.layers[i].traits.bounds
        if bounds is None or i not in self.sources:
            return
        low, high = bounds
        edge = FLAT * (high - low)
        values = evenly_spread(self.net.tops[i][0].values.array())
        ends = (values < low + edge) | (values > high - edge)
        self.shares.setdefault(self.sources[i], []).append(float(ends.mean()))

    def share(self, i: int) -> float:
        """The fraction of the outputs of affine layer i that are within FLAT of an end, a mean over
        batches; NaN where no bounded function follows."""
        if i not in self.shares:
            return np.nan
        return float(np.mean(self.net.ranks.gather(self.shares[i])))
