"""Weights of one layer from the samples that reach it: pca, zca, kmeans, rand.

Each is a function `(rows, count, rng, engine=None) -> (weights, notes)`:

    rows     (n, d) float32       input rows of an inner product, patches of a convolution, of one group
    count                         the outputs of that group
    engine                        if it computes on a device, large products are its own (products.py)
    weights  (count, d) float32   on these samples every output has variance 1
    notes                         a sentence for each thing that kept an initializer from its rule;
                                  the caller adds the layer's name

The weights act on x itself, while whitening is about x - mean: the outputs have mean `weights @
mean`, which the bias has to take away (within_layer does).

What cannot come from the samples (more outputs than the samples have dimensions, fewer samples than
outputs, filters that would be equal) is made of random orthogonal directions in the whitened space,
of variance 1 too. Samples that do not vary at all give Gaussian weights of variance 1 / d. Rows
with NaN or Inf are left out.
"""

import functools
from collections.abc import Callable

import numpy as np

from ..netlib.engines import Engine
from .kmeans import spherical_kmeans
from .orthonormal import orthonormal
from .products import Matmul
from .whitening import LARGEST, WhiteSamples

Directions = Callable[[WhiteSamples, int, np.random.Generator], np.ndarray]
FromSamples = Callable[..., tuple[np.ndarray, list[str]]]

FROM_SAMPLES: dict[str, FromSamples] = {}

# Clustering divides by sqrt(variance + SMOOTHING * mean variance): axes that carry only noise must
# not weigh as much as the others. Coates & Ng (2012) advise 0.01 to 0.1 for patches normalised to
# variance 1.
SMOOTHING = 0.1


def from_samples(directions: Directions, principal: bool = True) -> FromSamples:
    """Register an initializer, given what finds up to `count` directions in white coordinates, (k,
    rank); whether they must be those along the principal axes."""

    @functools.wraps(directions)
    def initializer(
        rows: np.ndarray, count: int, rng: np.random.Generator, engine: Engine | None = None
    ) -> tuple[np.ndarray, list[str]]:
        samples, size = WhiteSamples(rows, principal, engine), rows.shape[1]
        notes = _left_out(samples)
        if not samples.rank:
            notes.append(
                f'the {samples.count} samples do not vary: Gaussian weights of variance 1/{size}'
            )
            return rng.standard_normal((count, size), np.float32) / np.float32(np.sqrt(size)), notes
        found = _distinct(directions(samples, count, rng), samples.matmul)
        notes += _short_of(samples, len(found), count)
        if len(found) < count:
            found = np.concatenate([found, _random_directions(count - len(found), samples, rng)])
        return samples.weights(found), notes

    FROM_SAMPLES[directions.__name__] = initializer
    return initializer


@from_samples
def pca(samples: WhiteSamples, count: int, rng: np.random.Generator) -> np.ndarray:
    """The first `count` principal components, each over its standard deviation: white, decorrelated
    outputs (Krähenbühl et al. 2016, 3.3)."""
    return np.eye(min(count, samples.rank), samples.rank, dtype=np.float32)


@from_samples
def zca(samples: WhiteSamples, count: int, rng: np.random.Generator) -> np.ndarray:
    """The first `count` rows of C^-1/2, C the covariance: whitening in the input's own basis
    (magic_init).

    Where C is singular, its pseudo-inverse is meant, and the rows are scaled to variance 1.
    """
    return samples.axes[:, :count].T


@functools.partial(from_samples, principal=False)
def kmeans(samples: WhiteSamples, count: int, rng: np.random.Generator) -> np.ndarray:
    """Centroids of spherical k-means on the whitened samples (Krähenbühl et al. 2016, 3.3; Coates &
    Ng 2012).

    magic_init takes scikit-learn's MiniBatchKMeans here, which ends at a clearly lower mean cosine.
    """
    smooth, back = samples.smoothed(SMOOTHING)
    rows = samples.project(smooth)
    _to_unit_length(rows)
    centroids = spherical_kmeans(rows, min(count, len(rows)), rng, engine=samples.engine)
    return samples.matmul(centroids, back)


@functools.partial(from_samples, principal=False)
def rand(samples: WhiteSamples, count: int, rng: np.random.Generator) -> np.ndarray:
    """Samples chosen at random, whitened as for kmeans (magic_init)."""
    chosen = rng.permutation(np.flatnonzero(samples.usable))[:count]
    smooth, back = samples.smoothed(SMOOTHING)
    return samples.matmul(samples.matmul(samples.rows[chosen] - samples.mean, smooth.T), back)


def _random_directions(count: int, samples: WhiteSamples, rng: np.random.Generator) -> np.ndarray:
    directions = orthonormal((count, samples.rank), rng, engine=samples.engine)
    return _to_unit_length(directions)


def _to_unit_length(rows: np.ndarray) -> np.ndarray:
    """Divide rows by their lengths in place; rows that vanish beside the longest become zero."""
    lengths = np.sqrt(np.einsum('ij,ij->i', rows, rows))[:, None]
    vanish = lengths <= 1e-6 * lengths.max(initial=0)
    return np.divide(rows, np.where(vanish, np.inf, lengths), out=rows)


def _distinct(directions: np.ndarray, matmul: Matmul) -> np.ndarray:
    """The directions at unit length, without those that vanish and those that repeat an earlier
    one."""
    units = _to_unit_length(np.array(directions, np.float32))
    repeats = np.triu(matmul(units, units.T), 1).max(axis=0, initial=0) > 1 - 1e-6
    return units[~repeats & units.any(axis=1)]


def _left_out(samples: WhiteSamples) -> list[str]:
    total = len(samples.rows)
    if samples.count == total:
        return []
    return [
        f'{total - samples.count} of {total} samples hold NaN or Inf (or values beyond {LARGEST:g}) '
        'and are left out'
    ]


def _short_of(samples: WhiteSamples, found: int, count: int) -> list[str]:
    size = samples.rows.shape[1]
    if found == count and samples.rank >= min(count, size):
        return []
    others = ', the others are random white directions' if found < count else ''
    return [
        f'{samples.count} samples of dimension {size} have rank {samples.rank}: '
        f'{found} of {count} filters come from them{others}'
    ]
