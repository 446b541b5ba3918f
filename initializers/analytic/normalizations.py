"""Layers that divide by statistics of their input: those count as constants, at their means."""

import numpy as np
from numpy import ndarray

from .combinations import plus, product, values_of
from .rules import Place, makes
from .spread import Spread


@makes('BatchNorm')
def batch_norm(place: Place) -> list[Spread]:
    """Mean 0 and variance v / (v + eps), or what the stored statistics make of x."""
    layer = place.layer
    x = place.first
    eps = layer.param.batch_norm_param.eps
    if layer.from_batch:
        return [x.of(0 * x.mean, x.var / (x.var + eps))]
    mean, var, factor = (param.data.astype(float) for param in layer.params)
    share = 1 / factor[0] if factor[0] else 0
    return [standardized(x, share * mean, share * var + eps)]


@makes('BN')
def older_batch_norm(place: Place) -> list[Spread]:
    """BatchNorm and Scale in one."""
    layer = place.layer
    x = place.first
    slope, shift, *stored = layer.params
    z = x
    if layer.from_batch:
        z = x.of(0 * x.mean, x.var / (x.var + layer.eps))
    elif not layer.segnet:
        mean, var = (param.data.astype(float).ravel() for param in stored)
        z = standardized(x, mean, var + layer.eps)
    return [plus(product(z, values_of(slope.data, x)), values_of(shift.data, x))]


def standardized(x: Spread, mean: ndarray, var: ndarray) -> Spread:
    return x.of((x.mean - mean) / np.sqrt(var), x.var / var)


@makes('MVN')
def mean_variance(place: Place) -> list[Spread]:
    """Mean 0 and, with normalize_variance, variance 1, in each image."""
    x = place.first
    fields = place.layer.param.mvn_param
    var = np.ones(x.size) if fields.normalize_variance else x.var
    return [x.of(0 * x.mean, var)]


@makes('LRN')
def local_response(place: Place) -> list[Spread]:
    """x (k + alpha E[x^2])^-beta, E over the nearest channels, or in the channel."""
    layer = place.layer
    fields = layer.param.lrn_param
    x = place.first
    squares = x.square
    base = 1.0
    if not layer.within:
        base = fields.k
        window = np.ones(fields.local_size) / fields.local_size
        start = fields.local_size // 2
        squares = np.convolve(squares, window)[start : start + x.size]
    factor = (base + fields.alpha * squares) ** -fields.beta
    return [x.of(factor * x.mean, factor**2 * x.var)]


@makes('Normalize')
def unit_length(place: Place) -> list[Spread]:
    """s x / sqrt(sum of x^2): over the channels, or over the sample with across_spatial."""
    layer = place.layer
    x = place.first
    terms = x.size
    if layer.param.norm_param.across_spatial:
        terms = int(np.prod(place.bottom[0].shape[1:]))
    factor = (terms * x.square.mean()) ** -0.5
    z = x.of(factor * x.mean, factor**2 * x.var)
    return [product(z, values_of(layer.scale.data, x))]


@makes('Softmax')
def softmax(place: Place) -> list[Spread]:
    """exp(x) / (exp(x) + the mean of exp over the others, n - 1 of them), whose mean is 1 / n."""
    others = place.layer.shape[1] - 1
    x = place.spreads[0].total
    log_sum = np.log(max(others, 1e-30)) + x.mean + x.var / 2
    p = x.through(lambda values: 1 / (1 + np.exp(log_sum - values)))
    return [x.of(np.array([1 / (others + 1)]), p.var)]
