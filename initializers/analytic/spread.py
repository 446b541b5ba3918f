"""Spread: mean and variance of a blob, channel by channel."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy import ndarray

from ...netlib.blob import Blob

NOTHING: frozenset[str] = frozenset()
POINTS = np.linspace(-6, 6, 513)  # in standard deviations
DENSITY = np.exp(-(POINTS**2) / 2)
WEIGHTS = DENSITY / DENSITY.sum()
Function = Callable[[ndarray], ndarray]


@dataclass(frozen=True)
class Spread:
    """Mean and variance of each channel (axis 1) over images and positions: (C,) float64, or (1,)
    where channels are not told apart. Elements count as independent.

    assumed  the names of layers below whose rule is unknown
    values   (channels, points): an element as a function of a normal one at POINTS; None if it
             counts as normally distributed itself
    """

    mean: ndarray
    var: ndarray
    assumed: frozenset[str] = NOTHING
    values: ndarray | None = None

    @property
    def size(self) -> int:
        return len(self.mean)

    @property
    def square(self) -> ndarray:
        """E[x^2]."""
        return self.var + self.mean**2

    @property
    def total(self) -> 'Spread':
        """Of all elements: within the channels and between them."""
        mean = self.mean.mean(keepdims=True)
        var = self.var.mean() + self.mean.var()
        return replace(self, mean=mean, var=np.atleast_1d(var), values=None)

    def known(self) -> bool:
        return not self.assumed

    def of(self, mean: ndarray, var: ndarray) -> 'Spread':
        """New moments, with the same assumptions."""
        mean, var = np.broadcast_arrays(np.atleast_1d(mean), np.atleast_1d(var))
        var = np.maximum(var.astype(float), 0)
        return replace(self, mean=mean.astype(float), var=var, values=None)

    def at(self, channels: int) -> 'Spread':
        """With `channels` channels, or one for all if it has another number of them."""
        if self.size == channels:
            return self
        total = self.total
        ones = np.ones(channels)
        return total.of(ones * total.mean, ones * total.var)

    def at_points(self) -> ndarray:
        """What an element is at POINTS: (channels, points)."""
        if self.values is not None:
            return self.values
        return self.mean[:, None] + np.sqrt(self.var)[:, None] * POINTS

    def through(self, function: Function) -> 'Spread':
        """The moments of f(x), by quadrature: a sum over equally spaced points, which converges
        fast for a normal density and is exact to 1e-4 where f has a kink. `function` takes
        (channels, points)."""
        values = function(self.at_points())
        mean = values @ WEIGHTS
        var = (values - mean[:, None]) ** 2 @ WEIGHTS
        return replace(self, mean=mean, var=var, values=values)

    def largest_of(self, count: float) -> 'Spread':
        """The moments of the largest of `count` independent elements, whose distribution is
        F(x)^count."""
        values = self.at_points()
        order = values.argsort(axis=1)
        distribution = WEIGHTS[order].cumsum(axis=1) ** count
        weights = np.diff(distribution, axis=1, prepend=0)
        values = np.take_along_axis(values, order, axis=1)
        mean = (values * weights).sum(axis=1)
        return self.of(mean, (values**2 * weights).sum(axis=1) - mean**2)


def standard(channels: int = 1) -> Spread:
    """Mean 0, variance 1."""
    return Spread(np.zeros(channels), np.ones(channels))


def channels_of(blob: Blob) -> int:
    return blob.shape[1] if blob.axes > 1 else 1


def together(spreads: list[Spread]) -> frozenset[str]:
    """What any of them assumes."""
    return NOTHING.union(*(spread.assumed for spread in spreads))


def greatest(spreads: list[Spread]) -> Spread:
    """The moments of the largest of one sample of each spread, all independent and normal: its
    distribution is the product of theirs."""
    from scipy.special import ndtr

    low = np.min([each.mean - 8 * deviation(each) for each in spreads], axis=0)
    high = np.max([each.mean + 8 * deviation(each) for each in spreads], axis=0)
    z = np.linspace(low, high, 1025, axis=1)
    distribution = np.ones_like(z)
    for each in spreads:
        distribution *= ndtr((z - each.mean[:, None]) / deviation(each)[:, None])
    steps = np.diff(distribution, axis=1)
    middle = (z[:, 1:] + z[:, :-1]) / 2
    mean = (steps * middle).sum(axis=1)
    var = (steps * (middle - mean[:, None]) ** 2).sum(axis=1)
    return Spread(mean, var, together(spreads))


def deviation(spread: Spread) -> ndarray:
    """The standard deviation, but never quite 0."""
    return np.sqrt(np.maximum(spread.var, 1e-12 * (1 + spread.mean**2)))
