"""Layers with weights, and pooling."""

from functools import cache
from typing import Any

import numpy as np
from numpy import ndarray

from ...netlib.layers.deconvolution import Deconvolution
from ...netlib.layers.shared.sliding import Sliding
from .rules import Place, makes
from .spread import Spread, channels_of


@makes('Affine')
def affine(place: Place) -> list[Spread]:
    """z_i = sum of w_ij x_j + b_i: mean sum of w_ij mean_j + b_i, variance sum of w_ij^2 var_j."""
    bias = place.layer.bias
    b = 0.0 if bias is None else bias.data.astype(float)
    found = []
    for product, blob in zip(products(place), place.top, strict=True):
        z = product.of(product.mean + b, product.var)
        found.append(z if channels_of(blob) == z.size else z.total)
    return found


def products(place: Place) -> list[Spread]:
    """W x for each bottom."""
    sums, squares = weight_sums(place)
    groups, _, inputs = sums.shape
    found = []
    for spread, blob in zip(place.spreads, place.bottom, strict=True):
        x = spread.at(channels_of(blob)).at(groups * inputs)
        mean = np.einsum('goi,gi->go', sums, x.mean.reshape(groups, inputs))
        var = np.einsum('goi,gi->go', squares, x.var.reshape(groups, inputs))
        found.append(x.of(mean.ravel(), var.ravel()))
    return found


def weight_sums(place: Place) -> tuple[ndarray, ndarray]:
    """The sums of w and of w^2 over what an output sees of each channel: (groups, outputs,
    channels) each. Taps count as often as they meet the image and not its padding."""
    view = place.layer.weight_view()
    groups, outputs = view.shape[:2]
    inputs = max(channels_of(place.bottom[0]) // groups, 1)
    if view[0, 0].size % inputs:
        inputs = 1
    taps = view.reshape(groups, outputs, inputs, -1)
    shares = shares_inside(place)
    return taps @ shares, np.square(taps) @ shares


def shares_inside(place: Place) -> ndarray:
    """For each tap of a kernel, the share of positions at which it meets the image: (taps,). Ones
    for an inner product, whose taps are the positions of a channel."""
    layer = place.layer
    if not isinstance(layer, Sliding):
        inputs = max(channels_of(place.bottom[0]), 1)
        fan_in = layer.weight_view()[0, 0].size
        return np.ones(fan_in if fan_in % inputs else fan_in // inputs)
    shares = np.ones(1)
    sizes = place.bottom[0].shape[layer.input_axis + 1 :]
    for size, extent, *window in zip(sizes, layer.extents, *layer.window, strict=True):
        if isinstance(layer, Deconvolution):
            axis = inside(extent, size, *window) * size / extent
        elif size == extent:
            axis = np.full(window[0], steady_share(size, *window))
        else:
            axis = inside(size, extent, *window)
        shares = np.outer(shares, axis).ravel()
    return shares


@cache
def steady_share(size: int, kernel: int, stride: int, pad: int, dilation: int) -> float:
    """The share of squares that a convolution keeps which does not change the size of an axis.

    Layer after layer, padding takes from the border first, and the signal gathers in the middle,
    where less is lost. In the long run the share is the largest eigenvalue of the matrix that adds
    to each place its neighbours in the kernel, over their number.
    """
    places = np.arange(size)
    neighbors = np.zeros((size, size))
    for tap in range(kernel):
        others = places * stride - pad + tap * dilation
        met = (others >= 0) & (others < size)
        neighbors[places[met], others[met]] += 1 / kernel
    return float(abs(np.linalg.eigvals(neighbors)).max())


def inside(size: int, steps: int, kernel: int, stride: int, pad: int, dilation: int) -> ndarray:
    """For each tap k the share of the places n stride - pad + k dilation, n < steps, that lie in an
    axis of this size."""
    starts = np.arange(steps)[:, None] * stride - pad
    places = starts + np.arange(kernel) * dilation
    return ((places >= 0) & (places < size)).mean(axis=0)


@makes('Embed')
def embedded(place: Place) -> list[Spread]:
    """A row of W, all equally likely, plus b."""
    layer = place.layer
    mean, var = layer.weight.data.mean(axis=0), layer.weight.data.var(axis=0)
    b = 0.0 if layer.bias is None else layer.bias.data
    rows = Spread((mean + b).astype(float), var.astype(float))
    return [rows if place.top[0].axes == 2 else rows.total]


@makes('Pooling')
def pooled(place: Place) -> list[Spread]:
    """The largest or the average of independent elements; the mask of winners is left out."""
    layer: Any = place.layer
    count = 1.0
    sizes, extents = place.bottom[0].shape[2:], place.top[0].shape[2:]
    for size, extent, *window in zip(sizes, extents, *layer.window, strict=True):
        count *= inside(size, extent, *window).sum()
    x = place.first
    if layer.is_max:
        return place.for_tops(x.largest_of(count))
    return [x.of(x.mean, x.var / count)]
