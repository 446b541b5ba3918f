"""Page 11: training and exact resume."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..exercise import Case, Exercise, Wrong, exercise
from ..made_up import numbers


def steps(seed: int, rates: list[float], momentum: float, decay: float) -> Case:
    return {
        'w': numbers(seed, 3),
        'gradients': [numbers(seed + 1 + i, 3) for i in range(len(rates))],
        'rates': rates,
        'momentum': momentum,
        'decay': decay,
    }


@exercise(
    '11.1',
    "Caffe's momentum",
    [
        steps(0, [0.1, 0.1], 0.9, 0.0),
        steps(10, [0.1, 0.01, 0.01], 0.9, 0.0),
        steps(20, [0.5, 0.5, 0.05], 0.5, 0.1),
    ],
    returns=('w',),
)
def trained(
    w: np.ndarray, gradients: list, rates: list[float], momentum: float, decay: float
) -> np.ndarray:
    """The parameter w after a step for each gradient, as Caffe's SGD takes them.

        g = gradient + decay w
        h = momentum h + rate g         h starts as 0
        w = w - h

    h sums steps, not gradients: a new rate does not change the steps that are already in it.
    """
    h = np.zeros_like(w)
    for gradient, rate in zip(gradients, rates, strict=True):
        h = momentum * h + rate * (gradient + decay * w)
        w = w - h
    return w


@trained.mistake(
    'h sums gradients, and the rate multiplies it at the end, as in PyTorch; the two differ when '
    'the rate changes'
)
def rate_outside(w, gradients, rates, momentum, decay):
    h = np.zeros_like(w)
    for gradient, rate in zip(gradients, rates, strict=True):
        h = momentum * h + gradient + decay * w
        w = w - rate * h
    return w


@trained.mistake('the weights do not decay: decay w belongs to the gradient')
def undecayed(w, gradients, rates, momentum, decay):
    return trained.solution(w, gradients, rates, momentum, 0.0)


@trained.mistake('the momentum has no effect: h has to be kept from step to step')
def forgetful(w, gradients, rates, momentum, decay):
    return trained.solution(w, gradients, rates, 0.0, decay)


@trained.mistake('the steps are added; a step goes against the gradient')
def uphill(w, gradients, rates, momentum, decay):
    h = np.zeros_like(w)
    for gradient, rate in zip(gradients, rates, strict=True):
        h = momentum * h + rate * (gradient + decay * w)
        w = w + h
    return w


TEMPLATE = '''
import numpy as np


class Training:
    """A small training, complete but for `state` and `restore`.

    A new Training with another seed that restores a state has to continue to the same bits. Change
    nothing else. `state` returns a dict; it must not change when the training goes on.
    """

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.w = self.rng.standard_normal(3)
        self.h = np.zeros(3)
        self.iteration = 0

    def step(self):
        x = self.rng.standard_normal(3)
        rate = 0.1 / (1 + self.iteration)
        self.h *= 0.9
        self.h += rate * (self.w - x)
        self.w -= self.h
        self.iteration += 1

    def state(self):
        raise NotImplementedError

    def restore(self, state):
        raise NotImplementedError
'''


class Training:
    """The template, filled in."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.w = self.rng.standard_normal(3)
        self.h = np.zeros(3)
        self.iteration = 0

    def step(self) -> None:
        x = self.rng.standard_normal(3)
        rate = 0.1 / (1 + self.iteration)
        self.h *= 0.9
        self.h += rate * (self.w - x)
        self.w -= self.h
        self.iteration += 1

    def state(self) -> dict[str, Any]:
        return {
            'w': self.w.copy(),
            'h': self.h.copy(),
            'iteration': self.iteration,
            'rng': self.rng.bit_generator.state,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.w = state['w'].copy()
        self.h = state['h'].copy()
        self.iteration = state['iteration']
        self.rng.bit_generator.state = state['rng']


def resumed(kind: Any, case: Case) -> np.ndarray:
    """The weights after a training that was interrupted. Raises Wrong."""
    first = kind(case['seed'])
    run(first, case['before'])
    state = first.state()
    if not isinstance(state, dict):
        raise Wrong(f'state() returned {type(state).__name__}; needed: a dict')
    run(first, case['after'])
    second = kind(case['seed'] + 1)
    second.restore(state)
    run(second, case['after'])
    return second.w


def run(training: Any, count: int) -> None:
    for _ in range(count):
        training.step()


exact_resume = Exercise(
    '11.2',
    'a snapshot from which training continues to the same bits',
    Training,
    [
        {'seed': 0, 'before': 3, 'after': 4},
        {'seed': 5, 'before': 1, 'after': 2},
        {'seed': 9, 'before': 6, 'after': 1},
    ],
    returns=('w after the restored steps',),
    run=resumed,
    template=TEMPLATE,
)


def without(part: str, sentence: str) -> None:
    """The mistake of a snapshot that lacks a part."""

    class Forgetful(Training):
        def restore(self, state):
            fresh = self.state()
            super().restore({**state, part: fresh[part]})

    exact_resume.mistake(sentence)(Forgetful)


without('h', 'the history h is not restored: the momentum starts anew')
without('rng', 'the random numbers are not restored: other samples follow')
without('iteration', 'the iteration is not restored: the rate starts anew')
without('w', 'the weights are not restored')


@exact_resume.mistake(
    'the state holds the arrays themselves, which go on changing: copy them (w.copy())'
)
class Uncopied(Training):
    def state(self):
        return {**super().state(), 'w': self.w, 'h': self.h}
