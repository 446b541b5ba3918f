"""ZerO: weights of zeros and ones, without randomness."""

from math import ceil, log2, sqrt

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ...netlib.shapes import Shape
from ...proto.caffe_pb2 import FillerParameter
from .center import at_center
from .filler import as_initializer, filler


@as_initializer('zero', by_group=True)
@filler('zero')
def zero(shape: Shape, rng: Generator, param: FillerParameter) -> ndarray:
    """ZerO (Zhao, Schäfer & Anandkumar 2022, Algorithm 1): at the kernel's centre

        I       (out, in), ones on the diagonal                 if out <= in
        c H     the first out rows and in columns of Hadamard's matrix of size 2^m
                with m = ceil(log2(out)), c = 2^(-m / 2)        if out > in

    and 0 elsewhere. Where a layer grows, the transform mixes its inputs, or training would never
    leave a subspace of rank in. c is that of the published code, so that full columns have length
    1; the paper prints 2^(-(m - 1) / 2). Nothing is drawn. The `constant` filler gives zeros. Not
    in BVLC Caffe.
    """
    return at_center('zero', shape, hadamard_identity)


def hadamard_identity(outputs: int, inputs: int) -> ndarray:
    """(outputs, inputs): the identity, or if it grows a part of Hadamard's matrix."""
    if outputs <= inputs:
        return np.eye(outputs, inputs, dtype=np.float32)
    hadamard = np.ones((1, 1), np.float32)
    for _ in range(ceil(log2(outputs))):
        hadamard = np.kron([[1, 1], [1, -1]], hadamard)
    return hadamard[:outputs, :inputs] / sqrt(len(hadamard))
