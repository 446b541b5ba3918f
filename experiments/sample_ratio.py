"""The ratio r of sample mean and sample deviation in each layer of a net: Luther & Seung (2019),
eq. 9."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

import numpy as np
from goodinit.netlib import Net
from goodinit.netlib.layers.shared.affine import Affine

Images = np.ndarray


class Sums:
    """The sums over samples from which r follows: r = sqrt(sum of the units' squared means / sum of
    their variances)."""

    def __init__(self) -> None:
        self.count = 0
        self.first: np.ndarray | float = 0.0
        self.second: np.ndarray | float = 0.0

    def add(self, preactivations: np.ndarray) -> None:
        """Count in preactivations (samples, channels) or (samples, channels, height, width)."""
        values = preactivations.reshape(*preactivations.shape[:2], -1)
        self.count += len(values)
        self.first += values.sum(axis=0, dtype=np.float64)
        self.second += np.square(values).sum(axis=0, dtype=np.float64)

    def ratio(self, channels: bool = False) -> float:
        """r; a unit is a channel at one position or, with `channels`, a channel, whose positions
        are samples too."""
        means = np.asarray(self.first) / self.count
        squares = np.asarray(self.second) / self.count
        if channels:
            means, squares = means.mean(axis=1), squares.mean(axis=1)
        squared_means = np.square(means)
        return sqrt(squared_means.sum() / (squares - squared_means).sum())


def sums_over_samples(net: Net, batches: Iterable[Images], blob: str) -> dict[str, Sums]:
    """Those of each convolution and inner product, in their order, for batches of what goes into
    `blob`. Activations may be in place: preactivations are read as soon as they are computed."""
    sums: dict[str, Sums] = {}

    def read(i: int) -> None:
        layer = net.layers[i]
        if isinstance(layer, Affine):
            sums.setdefault(layer.name, Sums()).add(net.tops[i][0].data)

    net.after_forward.append(read)
    try:
        for batch in batches:
            net.blobs[blob].data = batch
            net.forward()
    finally:
        net.after_forward.remove(read)
    return sums
