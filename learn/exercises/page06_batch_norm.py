"""Page 6: BatchNorm's third blob."""

import numpy as np

from ..exercise import exercise
from ..made_up import numbers
from ..one_layer import one_layer

STORED = [
    {'mean': numbers(0, 3), 'var': np.array([2.0, 0.5, 8.0]), 'factor': 1.0},
    {'mean': numbers(1, 2), 'var': np.array([30.0, 4.5]), 'factor': 999.98},
    {'mean': np.zeros(2), 'var': np.zeros(2), 'factor': 0.0},
]


@exercise('6.1', 'what the three blobs mean', STORED, returns=('mean', 'var'))
def statistics(mean: np.ndarray, var: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the variance that a BatchNorm layer uses in TEST, from its three blobs.

    The first two are sums over batches that fade away. The third is the sum of the weights of
    these batches. A layer that has seen no batch holds three zeros: then return zeros.
    """
    share = 1 / factor if factor else 0
    return mean * share, var * share


@statistics.mistake('the third blob is ignored: the other two are divided by it')
def factor_ignored(mean, var, factor):
    return mean, var


@statistics.mistake('the blobs are multiplied by the factor; they are divided by it')
def multiplied(mean, var, factor):
    return mean * factor, var * factor


@statistics.mistake('only the mean is divided by the factor; the variance is, too')
def mean_alone(mean, var, factor):
    return statistics.solution(mean, var, factor)[0], var


@statistics.mistake('the variance is divided by the square of the factor; needed: by the factor')
def squared(mean, var, factor):
    share = 1 / factor if factor else 0
    return mean * share, var * share**2


@statistics.mistake('a factor of 0 is a division by zero: a new layer holds three zeros')
def zero_divided(mean, var, factor):
    with np.errstate(all='ignore'):
        return np.divide(mean, factor), np.divide(var, factor)


BATCHES = [
    {'mean': np.zeros(2), 'var': np.zeros(2), 'factor': 0.0, 'x': numbers(2, 3, 2, 2), 'f': 0.999},
    {
        'mean': numbers(3, 3),
        'var': np.array([1.5, 3, 0.5]),
        'factor': 2.5,
        'x': numbers(4, 4, 3),
        'f': 0.9,
    },
    {
        'mean': numbers(5, 1),
        'var': np.array([4.0]),
        'factor': 10.0,
        'x': numbers(6, 2, 1, 3),
        'f': 0.5,
    },
]


@exercise('6.2', 'a batch arrives', BATCHES, returns=('mean', 'var', 'factor'))
def updated(
    mean: np.ndarray, var: np.ndarray, factor: float, x: np.ndarray, f: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """The three blobs of a BatchNorm layer after a batch x (N, C, ...) in TRAIN.

    f is the moving_average_fraction. With m numbers in each channel:

        mean    <-  f mean + mean of the batch
        var     <-  f var + m / (m - 1) variance of the batch, which divides by m
        factor  <-  f factor + 1
    """
    net = one_layer(f'type: "BatchNorm" batch_norm_param {{ moving_average_fraction: {f} }}', x)
    layer = net.layers[-1]
    stored_mean, stored_var, stored_factor = layer.params
    stored_mean.data = mean
    stored_var.data = var
    stored_factor.data = factor
    net.forward()
    after = [param.data.copy() for param in layer.params]
    return after[0], after[1], float(after[2][0])


@updated.mistake('the variance of the batch is added without the factor m / (m - 1)')
def biased(mean, var, factor, x, f):
    new_mean, new_var, new_factor = updated.solution(mean, var, factor, x, f)
    m = x.size // x.shape[1]
    return new_mean, f * var + (new_var - f * var) * (m - 1) / m, new_factor


@updated.mistake(
    "it averages as PyTorch does, by 1 - f; Caffe's blobs are sums, and the third one counts"
)
def averaged(mean, var, factor, x, f):
    new_mean, new_var, new_factor = updated.solution(mean, var, factor, x, f)
    return (
        f * mean + (1 - f) * (new_mean - f * mean),
        f * var + (1 - f) * (new_var - f * var),
        new_factor,
    )


@updated.mistake('the factor stays as it is; it fades by f and gains 1')
def uncounted(mean, var, factor, x, f):
    new_mean, new_var, _ = updated.solution(mean, var, factor, x, f)
    return new_mean, new_var, factor


@updated.mistake('the factor gains 1 but does not fade by f')
def unfaded(mean, var, factor, x, f):
    new_mean, new_var, _ = updated.solution(mean, var, factor, x, f)
    return new_mean, new_var, factor + 1
