"""Random matrices with orthonormal rows or columns (Saxe et al. 2014)."""

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ...netlib.engines import Engine
from ...netlib.errors import NetError
from ...netlib.shapes import Shape, count
from ..kinds import Notes, initializer
from ..step import Step
from .haar import fill_orthonormal


@initializer('orthonormal', 'shape')
def orthonormal_weights(step: Step, rng: Generator) -> Notes:
    """W W^T = I in each group, or W^T W = I if it has more outputs than inputs (Saxe et al.
    2014)."""
    layer = step.layer
    fill(layer.weight.data, rng, layer.groups, step.net.engine)
    return []


def orthonormal(
    shape: Shape, rng: Generator, groups: int = 1, engine: Engine | None = None
) -> ndarray:
    """New weights as `fill` makes them."""
    weights = np.empty(shape, np.float32)
    fill(weights, rng, groups, engine)
    return weights


def fill(weights: ndarray, rng: Generator, groups: int = 1, engine: Engine | None = None) -> None:
    """Fill float32 weights (out, in, ...) with an orthonormal (out / groups, fan_in) matrix for
    each group, where they lie: those of CaffeNet's fc6 are 150 MB.

    Rows are orthonormal, or columns if a group has more outputs than inputs. They are distributed
    like the Q of a Gaussian matrix, with R's diagonal made positive: by Haar measure. max |Q Q^T -
    I| < 1e-5. An engine that computes on a device multiplies the reflections there. Raises
    NetError if `groups` does not divide the outputs.
    """
    shape = weights.shape
    if shape[0] % groups:
        raise NetError(
            f'orthonormal: groups: {groups} must divide the {shape[0]} outputs of {tuple(shape)}'
        )
    for matrix in weights.reshape(groups, shape[0] // groups, count(shape, 1)):
        rows, columns = matrix.shape
        if rows <= columns:
            fill_orthonormal(matrix, rng, engine)
        else:
            transposed = np.empty((columns, rows), np.float32)
            fill_orthonormal(transposed, rng, engine)
            matrix[:] = transposed.T
