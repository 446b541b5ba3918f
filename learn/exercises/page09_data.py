"""Page 9: weights from data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..exercise import Case, exercise
from ..made_up import numbers


def stretched(seed: int, rows: int, inputs: int) -> np.ndarray:
    """Samples whose axes have different variances, around a mean that is not 0."""
    mixing = numbers(seed, inputs, inputs) + 2 * np.diag(np.arange(inputs))
    return np.round(numbers(seed + 1, rows, inputs) @ mixing + 3, 2)


def up_to_sign(found: Callable[..., Any], case: Case) -> Any:
    """The weights with a positive largest number in each row: a direction has no sign."""
    W = np.asarray(found(**case))
    if W.ndim != 2 or W.dtype.kind not in 'fi' or not W.size:
        return W
    largest = np.take_along_axis(W, np.abs(W).argmax(1)[:, None], axis=1)
    return W * np.sign(largest)


@exercise(
    '9.1',
    'weights from principal components',
    [
        {'samples': stretched(0, 8, 3), 'count': 2},
        {'samples': stretched(2, 12, 4), 'count': 4},
        {'samples': stretched(4, 10, 2), 'count': 1},
    ],
    returns=('W, up to the signs of its rows,',),
    run=up_to_sign,
)
def pca(samples: np.ndarray, count: int) -> np.ndarray:
    """The first `count` principal components of the samples, each over the standard deviation of
    the samples along it: outputs of variance 1 that are not correlated.

    samples  (N, K)
    returns  (count, K), the direction of largest variance first. The variance divides by N
    """
    centered = samples - samples.mean(0)
    _, deviations, axes = np.linalg.svd(centered / np.sqrt(len(samples)), full_matrices=False)
    return axes[:count] / deviations[:count, None]


@pca.mistake('the mean of the samples is not subtracted first')
def uncentered(samples, count):
    _, sizes, axes = np.linalg.svd(samples / np.sqrt(len(samples)), full_matrices=False)
    return axes[:count] / sizes[:count, None]


@pca.mistake('the components have length 1; needed: over the standard deviation along them')
def unscaled(samples, count):
    W = pca.solution(samples, count)
    return W / np.sqrt((W**2).sum(1, keepdims=True))


@pca.mistake('the direction of smallest variance comes first (numpy.linalg.eigh sorts upwards)')
def ascending(samples, count):
    return pca.solution(samples, samples.shape[1])[::-1][:count]


@pca.mistake('each component is divided by its variance; needed: by the standard deviation')
def over_variance(samples, count):
    W = pca.solution(samples, count)
    return W * np.sqrt((W**2).sum(1, keepdims=True))


def layer(seed: int, rows: int, inputs: int, outputs: int, beta: float) -> Case:
    return {
        'x': stretched(seed, rows, inputs),
        'W': numbers(seed + 2, outputs, inputs),
        'beta': beta,
    }


@exercise(
    '9.2',
    'within a layer: variance 1, mean beta',
    [layer(6, 8, 3, 2, 0.1), layer(9, 5, 2, 4, 0.0), layer(12, 9, 4, 1, -0.5)],
    returns=('W', 'b'),
)
def within(x: np.ndarray, W: np.ndarray, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """W and b after within-layer initialization (Krähenbühl et al. 2016, Algorithm 1).

    x  (N, K), the input of the layer    W  (M, K)

    Each output of z = x W^T + b has variance 1 and mean beta over the N samples. Row i of W may
    only be multiplied by a number.
    """
    z = x @ W.T
    std = z.std(0)
    return W / std[:, None], beta - z.mean(0) / std


@within.mistake('one factor for the whole layer (as LSUV has); needed: one for each output')
def one_factor(x, W, beta):
    z = x @ W.T
    return W / z.std(), beta - z.mean(0) / z.std()


@within.mistake(
    'the bias takes away the mean as it was before the weights were divided: divide the mean, too'
)
def old_mean(x, W, beta):
    return within.solution(x, W, beta)[0], beta - (x @ W.T).mean(0)


@within.mistake('the means become 0; needed: beta')
def zero_mean(x, W, beta):
    return within.solution(x, W, 0.0)


@within.mistake('it divides by the variance; needed: by its square root')
def by_variance(x, W, beta):
    z = x @ W.T
    return W / z.var(0)[:, None], beta - z.mean(0) / z.var(0)
