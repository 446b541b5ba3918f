"""LeCun's weights: outputs of variance 1 from inputs of variance 1."""

from math import sqrt

from numpy import ndarray
from numpy.random import Generator

from ...netlib.shapes import Shape
from ...proto.caffe_pb2 import FillerParameter
from .. import random_numbers
from .caffe_fillers import fan
from .filler import as_initializer, filler


@as_initializer('lecun')
@filler('lecun')
def lecun(shape: Shape, rng: Generator, param: FillerParameter) -> ndarray:
    """N(0, 1 / n), n as for xavier (LeCun et al. 1998, Efficient BackProp, eq. 16). Not in BVLC
    Caffe."""
    std = sqrt(1 / fan(shape, param))
    return random_numbers.normal(shape, rng, 0, std)
