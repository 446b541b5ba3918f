"""GradInit: factors of the weights that are learned from a single step of training."""

from math import isfinite, log
from typing import Annotated

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ...netlib.blob import Param
from ...netlib.errors import DataError
from ..activations import Batch
from ..kinds import Notes, Option, initializer
from ..loss_gradients import Arrays, LossGradients, check_loss, constant_inputs, inner, norm
from ..step import settable_bias
from ..walk import measuring
from .whole import WholeNet

LEARNING = 0.4  # how far the logarithms of all weights' factors together move in an iteration
DECAY, SQUARE_DECAY = 0.9, 0.99  # Adam's
LEAST = 0.01  # the smallest factor, as in the published code; its inverse is the greatest

Rate = Annotated[float, Option('the learning rate of the step', above=0)]
Bound = Annotated[float, Option('the largest norm of the gradient', above=0)]
Iterations = Annotated[int, Option('how often the factors are changed', least=1)]


@initializer('gradinit', 'net')
def gradinit(
    whole: WholeNet,
    rng: Generator,
    rate: Rate = 0.1,
    bound: Bound = 1.0,
    iterations: Iterations = 40,
) -> Notes:
    """Multiply every weight matrix and bias by a factor m of its own, so that one step of SGD
    leaves the least loss (Zhu et al. 2021, Algorithm 1).

        minimize L(S'; w - rate g)  with g = dL(S; w)/dw, w = m w0, subject to |g| <= bound

    S' is half of S and half of the next batch. If |g| > bound, an iteration lowers |g| instead.
    The steps are in log(m), which keeps factors positive; the paper's are in m. Those for the loss
    are Adam's. With g' the gradient by the stepped weights,

        dL/dlog(m_k) = <w_k, g' - rate H g'>_k          d|g|/dlog(m_k) = <w_k, H g>_k / |g|

    where H v is a finite difference of two gradients: there are no second derivatives, and an
    iteration takes at most three forward and backward passes. The loss after the step is measured
    over all batches before and after; factors that do not lower it are dropped. Raises NetError
    for a net without a loss.
    """
    check_loss(whole.net, 'gradinit')
    notes = constant_inputs(whole.batches)
    with measuring(whole.net, whole.dropout):
        factors = LearnedFactors(whole, rate, bound)
        before = factors.loss_after_step()
        for i in range(iterations):
            factors.improve(i)
        after = factors.loss_after_step()
        if isfinite(before) and not after < before:
            factors.apply(np.zeros_like(factors.logs))
            notes.append(
                'gradinit: no factors within the bound lower the loss after one step of rate '
                f'{rate:g}, {before:.4g}: none changed'
            )
            return notes
    notes.append(
        f'gradinit: loss after one step of rate {rate:g}: {before:.4g} before, {after:.4g} after '
        f'{iterations} iterations'
    )
    return notes


class Adam:
    """The moving averages of a slope and of its square, and the steps that follow from them."""

    def __init__(self, size: int):
        self.steps = 0
        self.mean = np.zeros(size)
        self.square = np.zeros(size)

    def step(self, slope: ndarray) -> ndarray:
        """How far to go against the slope, in units of the learning rate (Kingma & Ba 2015)."""
        self.steps += 1
        self.mean = DECAY * self.mean + (1 - DECAY) * slope
        self.square = SQUARE_DECAY * self.square + (1 - SQUARE_DECAY) * slope**2
        mean = self.mean / (1 - DECAY**self.steps)
        deviation = np.sqrt(self.square / (1 - SQUARE_DECAY**self.steps))
        return mean / np.maximum(deviation, 1e-30)


class LearnedFactors:
    """The factors of the chosen weights and biases.

    logs     their logarithms
    adam     takes the steps that lower the loss; those that lower the norm of the gradient are in
             proportion to its slope, since momentum would carry on far below the bound
    """

    def __init__(self, whole: WholeNet, rate: float, bound: float):
        self.batches = whole.batches
        self.rate = rate
        self.bound = bound
        self.loss = LossGradients(whole.net)
        self.weights = {layer.weight for layer in whole.chosen}
        self.params = scalable(whole)
        self.start = [param.data.copy() for param in self.params]
        self.logs = np.zeros(len(self.params))
        self.adam = Adam(len(self.params))

    def loss_after_step(self) -> float:
        """The mean over all batches of the loss after a step on each."""
        losses = []
        for batch in self.batches:
            _, gradient = self.loss.at([batch])
            with self.loss.moved(gradient, -self.rate):
                losses.append(self.loss.loss([batch]))
        return sum(losses) / len(losses)

    def improve(self, i: int) -> None:
        """Iteration i: one step with one of the objectives."""
        batch, other = (self.batches[(i + k) % len(self.batches)] for k in range(2))
        _, gradient = self.loss.at([batch])
        length = norm(gradient)
        if not isfinite(length):
            raise DataError(
                'gradinit: the gradient of the loss is not finite; start from weights that are '
                'scaled to the data (--normalize lsuv)'
            )
        if length > self.bound:
            bent = self.loss.curvature([batch], gradient, gradient)
            slope = self.along(bent)
            step = slope / max(abs(slope).max(), 1e-30)
        else:
            step = self.adam.step(self.learning_slope(batch, other, gradient))
        self.apply(self.logs - LEARNING / len(self.weights) * step)

    def learning_slope(self, batch: Batch, other: Batch, gradient: Arrays) -> ndarray:
        """The derivative by each logarithm of the loss after a step."""
        with self.loss.moved(gradient, -self.rate):
            _, stepped = self.loss.at([overlapping(batch, other)])
        bent = self.loss.curvature([batch], gradient, stepped)
        return self.along(stepped) - self.rate * self.along(bent)

    def along(self, arrays: Arrays) -> ndarray:
        """The derivative by the logarithm of each factor, given that by the parameters."""
        return np.array([inner(arrays[param], param.data) for param in self.params])

    def apply(self, logs: ndarray) -> None:
        """Give the parameters new factors, within bounds."""
        self.logs = np.clip(logs, log(LEAST), -log(LEAST))
        for param, start, factor in zip(self.params, self.start, np.exp(self.logs), strict=True):
            param.data = start * factor.astype(start.dtype)


def scalable(whole: WholeNet) -> list[Param]:
    """The weights and biases of the chosen layers that learn."""
    found = []
    for layer in whole.chosen:
        found.append(layer.weight)
        bias = settable_bias(layer)
        if bias:
            found.append(bias)
    return found


def overlapping(batch: Batch, other: Batch) -> Batch:
    """A batch of which one half comes from each of the two."""
    mixed: Batch = {}
    for name, values in batch.items():
        half = len(values) // 2
        mixed[name] = np.concatenate([values[:half], other[name][half:]])
    return mixed
