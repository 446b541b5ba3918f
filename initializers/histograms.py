"""Histograms of what a net computes: one pass over the numbers, little memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from ..netlib import Net
from ..netlib.layers.shared.affine import Affine
from ..netlib.memory import Tensor
from .moments import Moments
from .squared_gradients import WeightGradient

BINS = 32
REACH = 4  # standard deviations from the mean to the first and to the last bin's edge
LIMIT = 2**18  # values of one tensor that are counted, evenly spread over it


@dataclass
class Histogram:
    """How many values lie in each of equal bins.

    low, high      the edges of the first and the last bin, in the unit of the values
    counts         (BINS,) whole numbers
    below, above   how many values lie outside
    """

    low: float
    high: float
    counts: ndarray
    below: int = 0
    above: int = 0

    @staticmethod
    def around(mean: float, std: float) -> 'Histogram':
        """An empty one, around values of this mean and standard deviation."""
        reach = REACH * std or abs(mean) or 1.0
        return Histogram(mean - reach, mean + reach, np.zeros(BINS, np.int64))

    def add(self, values: ndarray) -> None:
        """Count values of any shape, or LIMIT of them. NaN and infinity count as outside."""
        some = evenly_spread(values)
        with np.errstate(invalid='ignore'):
            places = np.floor((some - self.low) * (BINS / (self.high - self.low)))
        places = np.nan_to_num(places, nan=BINS)
        bins = np.clip(places, -1, BINS).astype(np.int64) + 1
        found = np.bincount(bins, minlength=BINS + 2)
        self.below += int(found[0])
        self.counts += found[1:-1]
        self.above += int(found[-1])


def evenly_spread(values: ndarray, total: int | None = None) -> ndarray:
    """All values, or about LIMIT of them, or of the `total` of which they are a part: (n,). The
    step is odd, so that it does not stay in one column of a row."""
    flat = values.ravel()
    step = max((total or flat.size) // LIMIT, 1)
    return flat[:: step | 1]


class LayerHistograms:
    """The histograms of a net's affine layers while it is measured, by the layer's name.

        outputs   of z
        weights   of W
        rates     of log10 of the change rates of single weights, C_ij / RMS(W), those of 0 left out
                  (Krähenbühl et al. 2016, eq. 1 and 2)

    The bins of outputs lie around those of the first batch.
    """

    def __init__(self, net: Net, moments: Mapping[int, Sequence[Moments]]):
        """moments: of the outputs of each affine layer, by its index; the last are those of the
        batch that has just run."""
        self.net = net
        self.moments = moments
        self.outputs: dict[str, Histogram] = {}
        self.rates: dict[str, list[ndarray]] = {}  # logarithms

    def see(self, i: int) -> None:
        """Layer i has run."""
        if i not in self.moments:
            return
        name = self.net.layers[i].name
        if name not in self.outputs:
            moments = self.moments[i][-1]
            std = float(np.sqrt(moments.total_var))
            self.outputs[name] = Histogram.around(moments.total_mean, std)
        for blob in self.net.tops[i]:
            self.outputs[name].add(blob.values.array())

    def see_gradients(self, layer: Affine, found: WeightGradient, roots: Tensor) -> None:
        """All batches are done: these are, for some outputs of the layer, the roots of sums over
        images, C_ij sqrt(images)."""
        size = np.sqrt(found.images * found.mean_square)
        some = evenly_spread(roots.array(), layer.weight.count)
        positive = some[some > 0]
        if size and positive.size:
            self.rates.setdefault(layer.name, []).append(np.log10(positive / size))

    def of(self, layer: Affine) -> dict[str, Histogram]:
        """The histograms of one layer; only those of which there is something to count."""
        found = {}
        if layer.name in self.outputs:
            found['outputs'] = self.outputs[layer.name]
        if layer.weight.count:
            found['weights'] = filled(layer.weight.values.array())
        if layer.name in self.rates:
            found['rates'] = filled(np.concatenate(self.rates[layer.name]))
        return found


def filled(values: ndarray) -> Histogram:
    """The histogram of an array."""
    found = Histogram.around(float(values.mean(dtype=float)), float(values.std(dtype=float)))
    found.add(values)
    return found
