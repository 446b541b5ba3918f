"""Measures of each convolution and inner product on a few batches, for `goodinit stats`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ..netlib import Net
from ..netlib.blob import Blob
from ..netlib.layers.shared.affine import Affine
from ..netlib.memory import Tensor
from .activations import Batch
from .gradients import weight_gradients
from .histograms import Histogram, LayerHistograms
from .moments import Moments, output_moments, pooled, weight_moments
from .portions import portions
from .reach import affine_by_index, relu_sources
from .saturation import Saturation
from .squared_gradients import WeightGradient

NOTHING: Mapping[str, Moments] = MappingProxyType({})


@dataclass
class Row:
    """One layer; its outputs z are taken before any nonlinearity, over images and positions.

    output_mean, output_std   of all elements of z
    output_cv                 of the standard deviations of the single outputs z_i: their deviation
                              over their mean
    dead                      fraction of the units that are zero after ReLU for every sample; NaN
                              without a ReLU, or if it has a slope
    weight_std                of all weights
    change_rate               relative change of the weights under a random loss, per image: mean
                              over columns of RMS(dl/dW column) / RMS(W) (Krähenbühl et al. 2016,
                              eq. 3)
    change_rate_error         its relative standard error, for so few images
    change_rate_cv            of the rates of single weights: deviation over mean (Fig. 1b)
    gradient_var              variance of dl/dW over the weights, per image
    mean_to_std               sqrt(sum of mean(z_i)^2 / sum of var(z_i)), r^l of Luther & Seung
                              2019, eq. 9

    The three measures of gradients are NaN if weights do not learn or no score depends on them. Two
    more are NaN unless they are asked for, and the last two where there is nothing to tell:

    gradient_quotient         how much a gradient step would change the gradient by the weights
                              (gradient_quotient.py)
    predicted_std             output_std as predicted without running the net (analytic/)

    saturated                 fraction of the outputs of a Sigmoid or TanH above it that are near an
                              end of its range (saturation.py)
    histograms                of its outputs, weights and rates by name, if they are asked for
                              (histograms.py)
    """

    layer: str
    type: str
    output_mean: float
    output_std: float
    output_cv: float
    dead: float
    weight_std: float
    change_rate: float
    change_rate_cv: float
    gradient_var: float
    mean_to_std: float
    gradient_quotient: float = np.nan
    predicted_std: float = np.nan
    change_rate_error: float = np.nan
    saturated: float = np.nan
    histograms: dict[str, Histogram] = field(default_factory=dict)


def measure(
    net: Net,
    batches: Sequence[Batch],
    rng: Generator,
    dropout: bool = False,
    known: Mapping[str, Moments] = NOTHING,
    histograms: bool = False,
) -> list[Row]:
    """A Row for each convolution and inner product of the net, in the net's order.

    batches: the values of the net's Input blobs, as in `walk`. One forward and one backward pass
    per portion of a batch (portions.py); dropout is off unless `dropout`. Weights, and statistics
    that forward changes, keep their values; the layers' tops and diffs of parameters become zero.
    Raises DataError if an input contains NaN or Inf, NetError for a net without scores.

    known: the moments of layers' outputs, by name, where they are known from more samples.
    histograms: count them too.
    """
    outputs = WatchedOutputs(net)
    saturation = Saturation(net)
    counted = LayerHistograms(net, outputs.parts)
    watching: list[Watching] = [outputs, saturation]
    if histograms:
        watching.append(counted)

    def after_forward(i: int) -> None:
        for each in watching:
            each.see(i)

    see = counted.see_gradients if histograms else ignore_gradients
    few = portions(net, batches)
    gradients = weight_gradients(net, few, rng, dropout, after_forward, see, frugal=True)
    rows = []
    for i, layer in outputs.affine.items():
        moments = known[layer.name] if layer.name in known else outputs.moments(i)
        row = row_of(layer, moments, gradients.get(layer.weight.owner))
        row.dead = outputs.dead(i)
        row.saturated = saturation.share(i)
        if histograms:
            row.histograms = counted.of(layer)
        rows.append(row)
    return rows


class Watching(Protocol):
    """What hears of each layer that has run forward."""

    def see(self, i: int) -> None: ...


def ignore_gradients(layer: Affine, found: WeightGradient, roots: Tensor) -> None:
    """Nobody asks for those of single weights."""


def row_of(layer: Affine, z: Moments, gradient: WeightGradient | None) -> Row:
    """The measures of one layer, except for those of its units."""
    deviations = np.sqrt(z.var)
    r = _ratio(np.sqrt(np.mean(z.mean**2)), np.sqrt(z.var.mean()))
    weights = weight_moments(layer, layer.weight.values)
    rate = rate_cv = rate_error = gradient_var = np.nan
    if gradient:
        rate = gradient.change_rate
        rate_error = gradient.error
        rate_cv = gradient.cv
        gradient_var = gradient.variance
    return Row(
        layer=layer.name,
        type=layer.type,
        output_mean=z.total_mean,
        output_std=float(np.sqrt(z.total_var)),
        output_cv=_ratio(deviations.std(), deviations.mean()),
        dead=np.nan,
        weight_std=float(np.sqrt(weights.total_var)),
        change_rate=rate,
        change_rate_cv=rate_cv,
        gradient_var=gradient_var,
        mean_to_std=r,
        change_rate_error=rate_error,
    )


def _ratio(a: float, b: float) -> float:
    return float(a / b) if b else np.nan


class WatchedOutputs:
    """Watches a net run forward: moments of each affine layer, and units that pass their ReLU."""

    def __init__(self, net: Net):
        self.net = net
        self.affine = affine_by_index(net)
        self.sources = relu_sources(net)
        self.parts: dict[int, list[Moments]] = {i: [] for i in self.affine}
        self.alive: dict[int, ndarray] = {}

    def see(self, i: int) -> None:
        """Layer i has run."""
        tops = self.net.tops[i]
        if i in self.affine:
            layer = self.affine[i]
            self.parts[i] += [output_moments(layer, blob) for blob in tops]
        elif i in self.sources:
            self._see_relu(self.sources[i], tops[0])

    def _see_relu(self, source: int, top: Blob) -> None:
        """ReLU's outputs are never negative, so a unit is alive if their sum is positive."""
        layer = self.affine[source]
        z = layer.by_output(self.net.tops[source][0].values)
        images, outputs, _ = z.shape
        sums = layer.buffer('passed', 1, outputs, 1)
        self.net.engine.sum(top.values.reshape(images, outputs, -1), out=sums)
        passed = sums.array().ravel() > 0
        self.alive[source] = self.alive.get(source, False) | passed

    def moments(self, i: int) -> Moments:
        """Of the outputs of layer i, over all batches of all ranks."""
        return pooled(self.net.ranks.gather(self.parts[i]))

    def by_name(self) -> dict[str, Moments]:
        """The moments of every affine layer."""
        return {layer.name: self.moments(i) for i, layer in self.affine.items()}

    def dead(self, i: int) -> float:
        """The fraction of units of layer i that are zero after ReLU for every sample."""
        if i not in self.alive:
            return np.nan
        alive = self.net.ranks.gather([self.alive[i]])
        share = np.any(alive, axis=0).mean()
        return float(1 - share)
