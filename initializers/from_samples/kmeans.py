"""Weights from the whitened samples themselves: kmeans, rand."""

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ..kinds import initializer
from .directions import from_directions
from .spherical_kmeans import spherical_kmeans
from .whitening import WhiteSamples

# Whitening divides by sqrt(variance + SMOOTHING * mean variance): axes that carry only noise must
# not weigh as much as the others. Coates & Ng (2012) advise 0.01 to 0.1 for patches normalized to
# variance 1.
SMOOTHING = 0.1


@initializer('kmeans', 'samples')
@from_directions(principal=False)
def kmeans(samples: WhiteSamples, count: int, rng: Generator) -> ndarray:
    """Centroids of spherical k-means on the whitened samples (Krähenbühl et al. 2016, 3.3; Coates &
    Ng 2012).

    magic_init uses scikit-learn's MiniBatchKMeans, which reaches a clearly lower mean cosine.
    """
    rows, back = samples.smoothed_units(SMOOTHING)
    count = min(count, samples.count)
    centroids = spherical_kmeans(rows, count, rng, engine=samples.engine)
    return samples.matmul(centroids, back)


@initializer('rand', 'samples')
@from_directions(principal=False)
def rand(samples: WhiteSamples, count: int, rng: Generator) -> ndarray:
    """Samples chosen at random, whitened as for kmeans (magic_init)."""
    chosen = rng.permutation(np.flatnonzero(samples.usable))[:count]
    smooth, back = samples.coordinates.smoothed(SMOOTHING)
    white = samples.matmul(samples.rows.take(chosen), smooth.T)
    return samples.matmul(white, back)
