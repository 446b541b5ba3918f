"""Mean and variance of outputs and weights, by output, computed by the net's engine."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from ..netlib.blob import Blob
from ..netlib.layers import Layer
from ..netlib.layers.shared.affine import Affine
from ..netlib.memory import Tensor

# For equal values, float32 arithmetic gives a variance below ROUNDING times their mean square.
ROUNDING = 1e-12
TINY = 1e-30  # and no variance below this differs from 0
AT_ONCE = 1 << 15  # numbers of an output whose copies in float64 stay in a cache


@dataclass
class Moments:
    """Mean and biased variance of each output over images, positions and batches: (num_output,)
    float64."""

    mean: ndarray
    var: ndarray
    count: int

    @property
    def total_mean(self) -> float:
        return float(self.mean.mean())

    @property
    def total_var(self) -> float:
        """The variance over all elements: within the outputs and between them."""
        return float(self.var.mean() + self.mean.var())

    @property
    def mean_square(self) -> float:
        return float((self.var + self.mean**2).mean())

    @property
    def constant(self) -> ndarray:
        """Which outputs, (num_output,), vary by no more than the rounding of float32."""
        return ~(self.var > np.maximum(ROUNDING * self.mean**2, TINY))


def output_moments(layer: Affine, blob: Blob) -> Moments:
    """The moments of one top of an affine layer that has just run."""
    return moments_by_output(layer, layer.by_output(blob.values))


def weight_moments(layer: Affine, tensor: Tensor) -> Moments:
    """The moments of W's values, or of a tensor of its shape."""
    return moments_by_output(layer, layer.weights_by_output(tensor))


def moments_by_output(layer: Layer, x: Tensor) -> Moments:
    """The moments of x (outer, outputs, inner) by output."""
    outer, outputs, inner = x.shape
    if not x.size:
        return Moments(np.zeros(outputs), np.zeros(outputs), 0)
    both = layer.buffer('moments', 2, 1, outputs, 1)  # in one memory, for one download
    mean, var = both
    layer.engine.moments(x, mean=mean, var=var)
    return Moments(in_float64(mean), in_float64(var), outer * inner)


def moments_of(rows: ndarray) -> Moments:
    """Those of rows on the host (outputs, samples), in float64, of some samples at a time."""
    parts = []
    for start in range(0, max(rows.shape[1], 1), AT_ONCE):
        some = rows[:, start : start + AT_ONCE].astype(float)
        parts.append(Moments(some.mean(axis=1), some.var(axis=1), some.shape[1]))
    return pooled(parts)


def in_float64(tensor: Tensor) -> ndarray:
    """A copy of the tensor's values, (size,)."""
    return tensor.array().ravel().astype(float)


def joined(parts: Sequence[Moments]) -> Moments:
    """The moments of some outputs after those of others, each over as many numbers."""
    if len(parts) == 1:
        return parts[0]
    mean = np.concatenate([part.mean for part in parts])
    var = np.concatenate([part.var for part in parts])
    return Moments(mean, var, parts[0].count)


def pooled(parts: Sequence[Moments]) -> Moments:
    """The moments of several sets of samples taken together."""
    counts = np.array([part.count for part in parts], float)
    if not counts.sum():
        return parts[0]
    weights = counts / counts.sum()
    means = np.array([part.mean for part in parts])
    variances = np.array([part.var for part in parts])
    mean = means[0] + weights @ (means - means[0])  # exactly, where all are equal
    var = weights @ (variances + (means - mean) ** 2)
    return Moments(mean, var, int(counts.sum()))
