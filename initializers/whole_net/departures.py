"""How far layers depart from their declared scaling when the scale of their bottom changes.

LRN and the normalizing layers are homogeneous only nearly: they add a constant to a square. The
departure of a layer f at the log-scale s is measured by running it,

    d(s) = |f(e^s x) / (g e^s) - f(x)| / |f(x)|

over a few samples, where g(s) is the factor that makes it smallest: what all elements have in
common, the scale of the top can make up for. For a layer that removes the scale of its bottom, g
and e^s are 1. d grows with the distance from s = 0.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from ...netlib import Net
from ...netlib.blob import Blob
from ..activations import Batch, set_inputs
from ..walk import measuring

DISTANCES = 0.05 * 2.0 ** np.arange(10)  # up to a factor of 1e11
SAMPLES = 4  # so many of a batch are probed


@dataclass(frozen=True)
class Departure:
    """d at -DISTANCES and at DISTANCES, and the samples x."""

    down: ndarray
    up: ndarray
    x: ndarray

    def interval(self, allowed: float) -> tuple[float, float]:
        """The log-scales between which the departure is at most `allowed`."""
        return -distance(self.down, allowed), distance(self.up, allowed)


def distance(departures: ndarray, allowed: float) -> float:
    """How far s may be from 0: between two of DISTANCES, d is taken to be a power of s."""
    beyond = np.flatnonzero(~(departures <= allowed))
    if not len(beyond):
        return np.inf
    i = int(beyond[0])
    if allowed <= 0:
        return 0.0
    if i == 0 or departures[i - 1] <= 0:
        return float(DISTANCES[i] * min(allowed / departures[i], 1))
    steps = np.log(departures[i] / departures[i - 1])
    part = np.log(allowed / departures[i - 1]) / steps
    return float(DISTANCES[i - 1] * 2**part)


def departures_of(net: Net, batch: Batch, layers: Collection[int]) -> dict[int, Departure]:
    """The departures of the layers with these indices, from one forward pass of a batch."""
    found = {}
    with measuring(net):
        set_inputs(net, batch)
        for i in range(max(layers, default=-1) + 1):
            if i in layers:
                found[i] = departure_of(net, i)
            net.forward_layer(i)
    return net.ranks.from_first(found)


def departure_of(net: Net, i: int) -> Departure:
    """The departure of layer i, whose bottom has its values."""
    x = net.bottoms[i][0].data[:SAMPLES].copy()
    exactly = run(net, i, x, 0)
    size = np.linalg.norm(exactly) or 1.0
    sides = []
    for sign in (-1, 1):
        found = []
        for s in DISTANCES:
            y = run(net, i, x, sign * s)
            factor = common_factor(net, i, y, exactly)
            found.append(np.linalg.norm(y / factor - exactly) / size)
        sides.append(np.array(found))
    down, up = sides
    return Departure(down, up, x)


def common_factor(net: Net, i: int, y: ndarray, exactly: ndarray) -> float:
    """g: the multiple of f(x) that is nearest to y."""
    square = exactly @ exactly
    if net.layers[i].scaling.kind == 'free' or not square:
        return 1.0
    return max(float(y @ exactly / square), 1e-30)


def log_factor(net: Net, i: int, x: ndarray, s: float) -> float:
    """log g(s) of layer i for the samples x."""
    with measuring(net):
        return float(np.log(common_factor(net, i, run(net, i, x, s), run(net, i, x, 0))))


def run(net: Net, i: int, x: ndarray, s: float) -> ndarray:
    """f(e^s x), over e^s unless the layer removes the scale: (elements,) float64."""
    layer = net.layers[i]
    bottom = Blob('probed', x.shape, x.dtype)
    bottom.data = x * np.exp(s).astype(x.dtype)
    tops = [Blob('answer', blob.shape, x.dtype) for blob in net.tops[i]]
    layer.reshape([bottom], tops)
    layer.forward([bottom], tops)
    y = tops[0].data.ravel().astype(float)
    return y if layer.scaling.kind == 'free' else y * np.exp(-s)
