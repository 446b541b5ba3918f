"""Layers that compute elements from elements: functions, sums, products and maxima."""

import numpy as np
from numpy import ndarray

from ...netlib.engines import make_engine
from .rules import Place, makes
from .spread import Spread, channels_of, greatest, together


@makes('Neuron')
def function(place: Place) -> list[Spread]:
    """y = f(x), f as the reference engine defines it."""
    layer = place.layer
    engine = make_engine('reference', dtype=np.float64)

    def f(values: ndarray) -> ndarray:
        tensor = engine.tensor(*values.shape)
        tensor.set(values)
        engine.unary(layer.function, tensor, *layer.parameters(), out=tensor)
        return tensor.array()

    with np.errstate(all='ignore'):
        return [place.first.through(f)]


@makes('PReLU')
def with_slopes(place: Place) -> list[Spread]:
    """y = x, or s x below 0."""
    slopes = np.atleast_1d(place.layer.slope.data.astype(float))[:, None]
    return [place.first.through(lambda x: np.where(x > 0, x, slopes * x))]


@makes('ReLU6')
def cut_off(place: Place) -> list[Spread]:
    """y = x between 0 and 6, slope x below."""
    slope = place.layer.slope
    return [place.first.through(lambda x: np.where(x > 0, np.minimum(x, 6), slope * x))]


def product(a: Spread, b: Spread) -> Spread:
    """Of independent elements."""
    mean = a.mean * b.mean
    return Spread(mean, a.square * b.square - mean**2, together([a, b]))


def plus(a: Spread, b: Spread) -> Spread:
    """Of independent elements."""
    return Spread(a.mean + b.mean, a.var + b.var, together([a, b]))


@makes('Eltwise')
def combined(place: Place) -> list[Spread]:
    """SUM, PROD and MAX of independent elements."""
    spreads = place.each()
    fields = place.layer.param.eltwise_param
    if fields.operation == fields.MAX:
        return [greatest(spreads)]
    if fields.operation == fields.SUM:
        terms = []
        for spread, c in zip(spreads, place.layer.coeff, strict=True):
            terms.append(spread.of(c * spread.mean, c**2 * spread.var))
        spreads = terms
    combine = plus if fields.operation == fields.SUM else product
    found = spreads[0]
    for spread in spreads[1:]:
        found = combine(found, spread)
    return [found]


@makes('Axpy')
def axpy(place: Place) -> list[Spread]:
    """z = a x + y."""
    a, x, y = place.each()
    return [plus(product(a, x), y)]


@makes('Scale')
def scaled(place: Place) -> list[Spread]:
    """y = s x + b."""
    x = place.first
    y = product(x, operand(place, x))
    if place.layer.bias:
        y = plus(y, values_of(place.layer.bias.data, x))
    return [y]


@makes('Bias')
def shifted(place: Place) -> list[Spread]:
    """y = x + b."""
    x = place.first
    return [plus(x, operand(place, x))]


def operand(place: Place, x: Spread) -> Spread:
    """The second bottom, or the parameter."""
    if len(place.bottom) > 1:
        return place.each()[1].at(x.size)
    return values_of(place.layer.params[0].data, x)


def values_of(values: ndarray, x: Spread) -> Spread:
    """Constants: one for each channel, or their moments over all channels."""
    values = values.astype(float).ravel()
    if values.size == x.size:
        return Spread(values, np.zeros(x.size))
    return Spread(values.mean(keepdims=True), np.atleast_1d(values.var())).at(x.size)


@makes('Maxout')
def maxout(place: Place) -> list[Spread]:
    """The largest of the pieces, which are blocks of channels."""
    pieces = place.layer.pieces
    x = place.first
    if x.size % pieces:
        return [x.total.largest_of(pieces)]
    means, variances = (values.reshape(pieces, -1) for values in (x.mean, x.var))
    blocks = [x.of(mean, var) for mean, var in zip(means, variances, strict=True)]
    return [greatest(blocks)]


@makes('Reduction')
def reduced(place: Place) -> list[Spread]:
    """SUM, ASUM, SUMSQ or MEAN of independent elements: within each channel, or over all."""
    layer = place.layer
    fields = layer.param.reduction_param
    x = place.first
    if fields.operation == fields.ASUM:
        x = x.through(abs)
    elif fields.operation == fields.SUMSQ:
        x = x.through(np.square)
    terms = layer.shape[1]
    if channels_of(place.top[0]) != x.size:
        terms /= x.size
        x = x.of(x.mean.sum(), x.var.sum())
    return [x.of(layer.coeff * terms * x.mean, layer.coeff**2 * terms * x.var)]
