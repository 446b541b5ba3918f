"""Page 7: how fast does a layer learn."""

import numpy as np

from ..exercise import exercise
from ..made_up import numbers


def gradients(seed: int, images: int, outputs: int, inputs: int) -> dict:
    scale = np.arange(1, inputs + 1)
    return {
        'W': numbers(seed, outputs, inputs),
        'gradients': np.round(numbers(seed + 1, images, outputs, inputs) * scale, 2),
    }


@exercise(
    '7.1',
    'the change rate of a layer',
    [gradients(0, 3, 2, 4), gradients(2, 1, 3, 2), gradients(4, 5, 4, 3)],
)
def change_rate(W: np.ndarray, gradients: np.ndarray) -> float:
    """How fast the weights of a layer change, relative to their size (Krähenbühl et al. 2016,
    section 3).

    W          (M, K)
    gradients  (N, M, K): the gradient of a random loss by W, for each of N images

    1. C_ij^2 = the mean over images of the square of the gradient (eq. 1).
    2. The rate of column j is the root of the mean of C_ij^2 over the outputs i, divided by the
       root of the mean square of all weights.
    3. The rate of the layer is the mean over the columns.
    """
    columns = np.sqrt((gradients**2).mean((0, 1)))
    return float(columns.mean() / np.sqrt((W**2).mean()))


@change_rate.mistake('the root is taken after the mean over columns; it comes before')
def root_last(W, gradients):
    return float(np.sqrt((gradients**2).mean() / (W**2).mean()))


@change_rate.mistake(
    'the gradients are averaged over images before they are squared; those of different images '
    'cancel then'
)
def averaged_first(W, gradients):
    return change_rate.solution(W, gradients.mean(0, keepdims=True))


@change_rate.mistake('it is not divided by the size of the weights')
def absolute(W, gradients):
    return float(np.sqrt((gradients**2).mean((0, 1))).mean())


@change_rate.mistake(
    'it is divided by the standard deviation of the weights; needed: the root of their mean square'
)
def by_deviation(W, gradients):
    return absolute(W, gradients) / float(W.std())


@change_rate.mistake('the rates are those of rows; a column has the weights of one input')
def by_rows(W, gradients):
    return change_rate.solution(W.T, gradients.swapaxes(1, 2))


@exercise(
    '7.2',
    'factors that make rates equal',
    [
        {'rates': np.array([8.0, 2.0, 1.0])},
        {'rates': np.array([0.5, 0.5])},
        {'rates': np.array([100.0, 10.0, 1.0, 0.1])},
    ],
)
def factors(rates: np.ndarray) -> np.ndarray:
    """The factor for the weights of each layer of a chain (convolutions or inner products, with
    ReLU between them) so that all rates become equal and the net computes what it did.

    Multiplying the weights of a layer by r changes the scale of its output by r. Its own gradient
    changes by the product of the factors of all other layers; if the product of all is 1, then
    that is 1 / r, so its rate is divided by r^2. Biases follow and are not asked for.
    """
    logs = np.log(rates)
    return np.exp((logs - logs.mean()) / 2)


@factors.mistake('the product of the factors is not 1: the output of the net changes')
def product_free(rates):
    return np.sqrt(rates)


@factors.mistake('a factor r divides the rate by r^2: take the square root')
def rootless(rates):
    return factors.solution(rates) ** 2


@factors.mistake('the factors are upside down: a layer that is too fast needs larger weights')
def inverted(rates):
    return 1 / factors.solution(rates)


@factors.mistake('the mean of the rates has to be the geometric one, for the product to be 1')
def arithmetic(rates):
    return np.sqrt(rates / rates.mean())
