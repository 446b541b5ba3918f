"""Caffe's fillers: an array from a shape, a FillerParameter and a random generator.

Each is a function `(shape, rng, param) -> float32 array`, known to prototxts by the name it is
registered under. Fields and defaults are those of FillerParameter in caffe.proto, the rules those
of BVLC's filler.hpp.
"""

import functools
from collections.abc import Callable
from math import ceil, sqrt

import numpy as np

from ..netlib.errors import NetError, did_you_mean, layer_error
from ..netlib.net import Net
from ..netlib.registry import FILLERS, register_filler
from ..netlib.shapes import Shape, count, fan_in_out
from ..proto.caffe_pb2 import FillerParameter
from . import random_numbers

Filler = Callable[[Shape, np.random.Generator, FillerParameter], np.ndarray]


def fill_array(shape: Shape, param: FillerParameter, rng: np.random.Generator) -> np.ndarray:
    """A new float32 array of `shape`, filled as the FillerParameter `param` says.

    Raises NetError for an unknown filler type, fields that the filler cannot take, and an empty
    shape.
    """
    if param.type not in FILLERS:
        raise NetError(
            f'Unknown filler name: {param.type}{did_you_mean(param.type, FILLERS)} '
            f'(known fillers: {", ".join(sorted(FILLERS))})'
        )
    return FILLERS[param.type](shape, rng, param)


def fill(net: Net, rng: np.random.Generator) -> None:
    """Fill each parameter of the net by its own filler, in topological order; shared ones once, at
    the owner.

    Parameters without a filler (the statistics of BatchNorm) stay zero.
    """
    for layer in net.layers:
        for param in layer.params:
            if param.owner is param and param.filler is not None:
                try:
                    param.data = fill_array(param.shape, param.filler, rng)
                except NetError as error:
                    raise layer_error(layer.param, str(error)) from error


def filler(name: str, sparse: bool = False) -> Callable[[Filler], Filler]:
    """Register a filler, with the checks that Caffe makes in every one of them."""

    def keep(function: Filler) -> Filler:
        @register_filler(name)
        @functools.wraps(function)
        def checked(shape: Shape, rng: np.random.Generator, param: FillerParameter) -> np.ndarray:
            if not count(shape):
                raise NetError(f'{name} filler: nothing to fill in a blob of shape {tuple(shape)}')
            if param.sparse != -1 and not sparse:
                raise NetError(
                    f'{name} filler: sparse: {param.sparse}: Sparsity not supported by this '
                    "Filler. Use type: 'gaussian', or leave `sparse` out."
                )
            return function(tuple(shape), rng, param)

        return checked

    return keep


@filler('constant')
def constant(shape: Shape, rng: np.random.Generator, param: FillerParameter) -> np.ndarray:
    """`value` everywhere."""
    return np.full(shape, param.value, np.float32)


@filler('uniform')
def uniform(shape: Shape, rng: np.random.Generator, param: FillerParameter) -> np.ndarray:
    """U(min, max)."""
    if param.min > param.max:
        raise NetError(
            f'uniform filler: min: {param.min:g} must not be greater than max: {param.max:g} '
            f'(Check failed: a <= b)'
        )
    return random_numbers.uniform(shape, rng, param.min, param.max)


@filler('gaussian', sparse=True)
def gaussian(shape: Shape, rng: np.random.Generator, param: FillerParameter) -> np.ndarray:
    """N(mean, std^2); with `sparse`, each value is kept with probability sparse / shape[0], and is
    else 0.

    So each input meets `sparse` of the outputs on average.
    """
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
            f'gaussian filler: sparse: {param.sparse} must lie between 0 and the {outputs} '
            f'outputs of shape {shape}, or be -1 for none '
            f'(Check failed: p <= 1, {param.sparse / outputs:g} vs. 1)'
        )
    return values * (random_numbers.uniform(shape, rng) < param.sparse / outputs)


@filler('positive_unitball')
def positive_unitball(shape: Shape, rng: np.random.Generator, param: FillerParameter) -> np.ndarray:
    """U(0, 1), then the inputs of each output divided by their sum: rows add up to 1."""
    rows = random_numbers.uniform(shape, rng).reshape(shape[0] if shape else 1, -1)
    return (rows / rows.sum(axis=1, keepdims=True)).reshape(shape)


@filler('xavier')
def xavier(shape: Shape, rng: np.random.Generator, param: FillerParameter) -> np.ndarray:
    """U(-a, a) with a = sqrt(3 / n), so that the variance is 1 / n (Glorot & Bengio 2010).

    n is Caffe's fan-in, fan-out or the mean of both, as `variance_norm` says; the paper's eq. 16 is
    AVERAGE.
    """
    bound = sqrt(3 / _fan(shape, param))
    return random_numbers.uniform(shape, rng, -bound, bound)


@filler('msra')
def msra(shape: Shape, rng: np.random.Generator, param: FillerParameter) -> np.ndarray:
    """N(0, 2 / n), n as for xavier (He et al. 2015, eq. 10 for FAN_IN, eq. 14 for FAN_OUT)."""
    return random_numbers.normal(shape, rng, 0, sqrt(2 / _fan(shape, param)))


@filler('bilinear')
def bilinear(shape: Shape, rng: np.random.Generator, param: FillerParameter) -> np.ndarray:
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
    half = ceil(shape[3] / 2)
    center = (shape[3] - 1) / (2 * half)
    triangle = 1 - abs(np.arange(shape[3]) / half - center)
    return np.broadcast_to(np.outer(triangle, triangle), shape).astype(np.float32)


def _fan(shape: Shape, param: FillerParameter) -> float:
    fan_in, fan_out = fan_in_out(shape)
    return {
        FillerParameter.FAN_IN: fan_in,
        FillerParameter.FAN_OUT: fan_out,
        FillerParameter.AVERAGE: (fan_in + fan_out) / 2,
    }[param.variance_norm]
