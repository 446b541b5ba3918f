"""Weights along the principal axes of the samples: pca, zca."""

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ..kinds import initializer
from .directions import from_directions
from .whitening import WhiteSamples


@initializer('pca', 'samples')
@from_directions()
def pca(samples: WhiteSamples, count: int, rng: Generator) -> ndarray:
    """The first `count` principal components, each over its standard deviation: white, decorrelated
    outputs (Krähenbühl et al. 2016, 3.3)."""
    return np.eye(min(count, samples.rank), samples.rank, dtype=np.float32)


@initializer('zca', 'samples')
@from_directions()
def zca(samples: WhiteSamples, count: int, rng: Generator) -> ndarray:
    """The first `count` rows of C^-1/2, C the covariance: whitening in the input's own basis
    (magic_init).

    If C is singular, its pseudo-inverse is used, and the rows are scaled to variance 1.
    """
    return samples.principal.axes[:, :count].T
