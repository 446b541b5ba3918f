"""Caffe's fillers. Fields and defaults are those of FillerParameter in caffe.proto; the rules are
those of BVLC's filler.hpp."""

from math import ceil, sqrt

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ...netlib.errors import NetError
from ...netlib.shapes import Shape, fan_in_out
from ...proto.caffe_pb2 import FillerParameter
from .. import random_numbers
from .filler import as_initializer, filler


@filler('constant')
def constant(shape: Shape, rng: Generator, param: FillerParameter) -> ndarray:
    """`value` everywhere."""
    return np.full(shape, param.value, np.float32)


@filler('uniform')
def uniform(shape: Shape, rng: Generator, param: FillerParameter) -> ndarray:
    """U(min, max)."""
    if param.min > param.max:
        raise NetError(
            f'uniform filler: min: {param.min:g} must not be greater than max: {param.max:g} '
            f'(Check failed: a <= b)'
        )
    return random_numbers.uniform(shape, rng, param.min, param.max)


@as_initializer('unit_gaussian', std=1)
@as_initializer('gaussian', std=0.01)
@filler('gaussian', sparse=True)
def gaussian(shape: Shape, rng: Generator, param: FillerParameter) -> ndarray:
    """N(mean, std^2); with `sparse`, each value is kept with probability sparse / shape[0], and is
    0 otherwise: each input is connected to `sparse` outputs on average."""
    if not param.std > 0:
        raise NetError(
            f'gaussian filler: std: {param.std:g} must be positive (Check failed: sigma > 0); '
            "use type: 'constant' for equal values"
        )
    values = random_numbers.normal(shape, rng, param.mean, param.std)
    if param.sparse == -1:
        return values
    outputs = shape[0] if shape else 1
    if not 0 <= param.sparse <= outputs:
        raise NetError(
            f'gaussian filler: sparse: {param.sparse} must be between 0 and the {outputs} '
            f'outputs of shape {shape}, or be -1 for none '
            f'(Check failed: p <= 1, {param.sparse / outputs:g} vs. 1)'
        )
    kept = random_numbers.uniform(shape, rng) < param.sparse / outputs
    return values * kept


@filler('positive_unitball')
def positive_unitball(shape: Shape, rng: Generator, param: FillerParameter) -> ndarray:
    """U(0, 1), then each output's weights are divided by their sum, so rows add up to 1."""
    outputs = shape[0] if shape else 1
    rows = random_numbers.uniform(shape, rng).reshape(outputs, -1)
    return (rows / rows.sum(axis=1, keepdims=True)).reshape(shape)


@as_initializer('xavier')
@filler('xavier')
def xavier(shape: Shape, rng: Generator, param: FillerParameter) -> ndarray:
    """U(-a, a) with a = sqrt(3 / n), so that the variance is 1 / n (Glorot & Bengio 2010).

    n is Caffe's fan-in, fan-out or the mean of both, as `variance_norm` says; the paper's eq. 16 is
    AVERAGE.
    """
    bound = sqrt(3 / fan(shape, param))
    return random_numbers.uniform(shape, rng, -bound, bound)


@as_initializer('msra')
@filler('msra')
def msra(shape: Shape, rng: Generator, param: FillerParameter) -> ndarray:
    """N(0, 2 / n), n as for xavier (He et al. 2015, eq. 10 for FAN_IN, eq. 14 for FAN_OUT)."""
    std = sqrt(2 / fan(shape, param))
    return random_numbers.normal(shape, rng, 0, std)


@filler('bilinear')
def bilinear(shape: Shape, rng: Generator, param: FillerParameter) -> ndarray:
    """The kernel of bilinear interpolation in every channel, for a Deconvolution that upsamples.

    w[y, x] = t(y) t(x) with the triangle t(i) = 1 - |i / f - c|, f = ceil(k / 2), c = (k - 1) / 2f.
    """
    if len(shape) != 4:
        raise NetError(
            f'bilinear filler: Blob must be 4 dim. This one has shape {shape}, {len(shape)} axes.'
        )
    if shape[2] != shape[3]:
        raise NetError(
            f'bilinear filler: Filter must be square. This one is {shape[2]} x {shape[3]}.'
        )
    size = shape[3]
    half = ceil(size / 2)
    center = (size - 1) / (2 * half)
    triangle = 1 - abs(np.arange(size) / half - center)
    kernel = np.outer(triangle, triangle)
    return np.broadcast_to(kernel, shape).astype(np.float32)


def fan(shape: Shape, param: FillerParameter) -> float:
    """n as `variance_norm` says."""
    fan_in, fan_out = fan_in_out(shape)
    if param.variance_norm == FillerParameter.FAN_IN:
        return fan_in
    if param.variance_norm == FillerParameter.FAN_OUT:
        return fan_out
    return (fan_in + fan_out) / 2
