"""Layer-sequential unit-variance initialization (Mishkin & Matas 2016, Algorithm 1)."""

from collections.abc import Callable
from typing import Annotated

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ..kinds import Notes, Option, initializer
from ..moments import ROUNDING, TINY, Moments
from ..step import Step

Target = Annotated[float, Option('the variance', above=0)]
Margin = Annotated[float, Option('how close the variance must be to its target', above=0)]
MANY = 10_000  # trials, more than are ever needed
MaxTrials = Annotated[int, Option('the most times a layer is rescaled', least=1)]


@initializer('lsuv', 'layer')
def lsuv(
    step: Step,
    rng: Generator,
    target: Target = 1.0,
    margin: Margin = 0.02,
    max_trials: MaxTrials = 20,
) -> Notes:
    """Divide W by the standard deviation of the output until its variance is within `margin` of
    `target`.

        while |var(z) - target| >= margin and trials < max_trials:  W /= sqrt(var(z) / target)

    var is over every element of z: images, outputs, positions. The bias stays, and the mean is not
    removed. z is measured before any in-place layer. Without a bias (or with b = 0), one trial
    suffices. Further trials do not run z = a u + b again: its variance is a quadratic in a whose
    coefficients come from the moments of a single forward pass. A layer with constant output is
    left unchanged.

    If b alone varies by more than the target, the loop would shrink W to nothing; then W is scaled
    as it would be without b.
    """
    moments = step.forward()
    bias = step.bias_values()
    variance, varies = variance_of_scale(moments, bias)
    if not varies:
        return [
            f'its output is constant (variance {variance(1):.3g}), so its weights cannot be '
            'scaled: left unchanged'
        ]
    notes = []
    if bias.var() >= target and abs(variance(1) - target) >= margin:
        notes.append(
            f'its bias alone has variance {bias.var():.3g}, more than the target {target:g}: '
            'its weights are scaled as without it (--normalize within sets biases, too)'
        )
        variance, _ = variance_of_scale(moments, bias, bias)
    a, trials = rescaled(variance, target, margin, max_trials)
    if a != 1:
        step.rescale(a)
    if abs(variance(a) - target) >= margin:
        _, needed = rescaled(variance, target, margin, MANY)
        notes.append(
            f'the output variance is {variance(a):.4g} after {trials} trials; wanted {target:g} '
            f'within {margin:g} (its bias varies; --max-trials {needed} are enough)'
        )
    return notes


def rescaled(
    variance: Callable[[float], float], target: float, margin: float, most: int
) -> tuple[float, int]:
    """The factor after at most so many trials, and their number."""
    a = 1.0
    for trials in range(most):
        if abs(variance(a) - target) < margin:
            return a, trials
        a /= np.sqrt(variance(a) / target)
    return a, most


def variance_of_scale(
    moments: Moments, bias: ndarray, without: float | ndarray = 0
) -> tuple[Callable[[float], float], bool]:
    """The function a -> var(a u + b - without) over all elements, given the moments of z = u + b;
    and whether u varies."""
    u = moments.mean - bias
    uu = moments.var.mean() + u.var()
    b = bias - without
    ub = (u * b).mean() - u.mean() * b.mean()
    varies = uu > max(ROUNDING * np.square(moments.mean).mean(), TINY)
    return lambda a: max(float(a * a * uu + 2 * a * ub + b.var()), TINY), bool(varies)
