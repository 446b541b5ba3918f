"""Page 8: LSUV."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...initializers import fill, walk
from ...netlib import Net
from ...proto import parse_net
from ..exercise import Case, Exercise, exercise
from ..made_up import numbers
from ..one_layer import float64_engine

TWO_LAYERS = """
input: "x" input_shape { dim: 6 dim: 4 }
layer { name: "ip1" type: "InnerProduct" bottom: "x" top: "ip1" inner_product_param {
  num_output: 5 weight_filler { type: "gaussian" std: 0.5 } } }
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2" inner_product_param {
  num_output: 3 weight_filler { type: "gaussian" std: 2 } } }
"""
CONVOLUTION = """
input: "x" input_shape { dim: 2 dim: 1 dim: 5 dim: 5 }
layer { name: "conv" type: "Convolution" bottom: "x" top: "conv" convolution_param {
  num_output: 3 kernel_size: 3 weight_filler { type: "gaussian" std: 0.1 } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip" inner_product_param {
  num_output: 4 weight_filler { type: "xavier" } } }
"""
CASES: list[Case] = [
    {'net': TWO_LAYERS, 'batches': [numbers(0, 6, 4) + 1, numbers(1, 6, 4)]},
    {'net': CONVOLUTION, 'batches': [numbers(2, 2, 1, 5, 5) + 0.5]},
]


def weights_after(found: Callable[..., Any], case: Case) -> np.ndarray:
    """The weights of a net after the solution has worked on it, side by side."""
    net = Net(parse_net(case['net']), engine=float64_engine())
    fill(net, np.random.default_rng(0))
    found(net, [{'x': batch} for batch in case['batches']])
    return np.concatenate([param.data.ravel() for param in net.all_params()])


TEMPLATE = '''
import numpy as np
from goodinit.initializers import walk


def lsuv(net, batches):
    """Give the output of every convolution and inner product variance 1, layer by layer.

    `walk` stops at each layer in turn, when its input is known but not yet its output. You need

        step.affine             whether the layer has weights W (and a bias): z = W x + b
        step.forward()          runs the layer on all batches; returns the moments of z
        moments.mean, .var      of each output, over all samples and positions
        step.rescale(factor)    W *= factor; the outputs follow

    The variance of LSUV (Mishkin & Matas 2016) is one number for the layer: over all elements of z,
    whichever output they belong to. Weights start as the net has them; biases are 0.
    """
    for step in walk(net, batches):
        raise NotImplementedError
'''


def lsuv(net: Net, batches: list[dict[str, np.ndarray]]) -> None:
    for step in walk(net, batches):
        if step.affine:
            step.rescale(1 / np.sqrt(step.forward().total_var))


unit_variance = Exercise(
    '8.1',
    'LSUV in a few lines of walk',
    lsuv,
    CASES,
    returns=('all weights, side by side,',),
    run=weights_after,
    template=TEMPLATE,
)


def rescaling(factor: Callable[[Any], Any]) -> Callable[..., None]:
    """A walk that rescales each layer by this function of its moments."""

    def initialized(net: Net, batches: list[dict[str, np.ndarray]]) -> None:
        for step in walk(net, batches):
            if step.affine:
                step.rescale(factor(step.forward()))

    return initialized


def wrong_factor(sentence: str, factor: Callable[[Any], Any]) -> None:
    unit_variance.mistake(sentence)(rescaling(factor))


wrong_factor(
    'each output has variance 1 by itself (within-layer initialization); LSUV has one factor for '
    'the layer',
    lambda z: 1 / np.sqrt(z.var),
)
wrong_factor(
    'the factor is 1 / variance; needed: 1 / its square root, the standard deviation',
    lambda z: 1 / z.total_var,
)
wrong_factor(
    'the mean of the variances of the outputs is not the variance of all: outputs differ in their '
    'means, too',
    lambda z: 1 / np.sqrt(z.var.mean()),
)
wrong_factor(
    'the mean square becomes 1; needed: the variance, which leaves out the mean',
    lambda z: 1 / np.sqrt(z.total_var + z.total_mean**2),
)
wrong_factor('the weights are as they were', lambda z: 1.0)


@unit_variance.mistake(
    'all layers are measured before any is rescaled; a layer has to see what those below became'
)
def measured_first(net, batches):
    found = {}
    for step in walk(net, batches):
        if step.affine:
            found[step.layer.name] = 1 / np.sqrt(step.forward().total_var)
    for step in walk(net, batches):
        if step.affine:
            step.rescale(found[step.layer.name])


def orthogonality(found: Callable[..., Any], case: Case) -> Any:
    """W W^T or W^T W, and W's product with what it was made of: the same for every right W."""
    result = np.asarray(found(**case))
    if result.shape != case['gaussian'].shape or result.dtype.kind != 'f':
        return result
    matrix = result.reshape(len(result), -1)
    wide = matrix.shape[0] <= matrix.shape[1]
    return matrix @ matrix.T if wide else matrix.T @ matrix


@exercise(
    '8.2',
    'orthonormal weights',
    [
        {'gaussian': numbers(3, 2, 5)},
        {'gaussian': numbers(4, 3, 2, 2, 1)},
        {'gaussian': numbers(5, 6, 2)},
    ],
    returns=('W W^T (or W^T W, for more outputs than inputs)',),
    run=orthogonality,
)
def orthonormal(gaussian: np.ndarray) -> np.ndarray:
    """Weights of the same shape (outputs, inputs, ...) as this array of normal numbers, with
    orthonormal rows, or orthonormal columns if there are more outputs than inputs.

    Every axis but the first counts as inputs. np.linalg.qr or np.linalg.svd do the work. LSUV
    starts from such weights (Saxe et al. 2014).
    """
    matrix = gaussian.reshape(len(gaussian), -1)
    u, _, vt = np.linalg.svd(matrix, full_matrices=False)
    return (u @ vt).reshape(gaussian.shape)


@orthonormal.mistake('each row has length 1, but they are not orthogonal to each other')
def unit_rows(gaussian):
    matrix = gaussian.reshape(len(gaussian), -1)
    lengths = np.sqrt((matrix**2).sum(1, keepdims=True))
    return (matrix / lengths).reshape(gaussian.shape)


@orthonormal.mistake('it is the array as it was')
def as_it_was(gaussian):
    return gaussian
