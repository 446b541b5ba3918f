"""Weights that pass their input on."""

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ...netlib.shapes import Shape
from ...proto.caffe_pb2 import FillerParameter
from .center import at_center
from .filler import as_initializer, filler


@as_initializer('identity', by_group=True)
@filler('identity')
def identity(shape: Shape, rng: Generator, param: FillerParameter) -> ndarray:
    """Output i is input i mod the number of inputs: 1 at the kernel's centre, 0 elsewhere.

    So channels are passed on, repeated if there are more outputs, cut off if there are fewer; a
    depthwise convolution passes each channel. Nothing is drawn. Not in BVLC Caffe. Source: Le,
    Jaitly & Hinton 2015, for recurrent nets; Pan et al. 2025 (IDInit) repeat the rows.
    """
    return at_center('identity', shape, repeated_identity)


def repeated_identity(outputs: int, inputs: int) -> ndarray:
    """(outputs, inputs): 1 where the input is the output modulo `inputs`."""
    matrix = np.zeros((outputs, inputs), np.float32)
    rows = np.arange(outputs)
    matrix[rows, rows % inputs] = 1
    return matrix
