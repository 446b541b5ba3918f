"""A layer of the reader's: run alone, and its backward compared with central differences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..netlib.blob import Blob
from ..netlib.layers import Layer
from ..proto.caffe_pb2 import LayerParameter
from .exercise import Case, Wrong
from .one_layer import float64_engine

STEP = 1e-5


class Trial:
    """A layer over one bottom, without a net."""

    def __init__(self, kind: type[Layer], x: np.ndarray):
        param = LayerParameter(name='layer', type=kind.__name__)
        self.layer = kind(param, float64_engine())
        self.bottom = [Blob('x', x.shape, np.float64)]
        self.top = [Blob('y', (), np.float64)]
        self.bottom[0].data = x
        self.layer.setup(self.bottom, self.top)

    def forward(self) -> np.ndarray:
        self.layer.reshape(self.bottom, self.top)
        self.layer.forward(self.bottom, self.top)
        return self.top[0].data.copy()

    def backward(self, dy: np.ndarray, wanted: bool = True) -> np.ndarray:
        """The diff of the bottom, which held sevens before."""
        self.top[0].diff = dy
        self.bottom[0].diff = np.full(self.bottom[0].shape, 7.0)
        self.layer.backward(self.top, [wanted], self.bottom)
        return self.bottom[0].diff.copy()


def slopes(trial: Trial, dy: np.ndarray) -> Iterator[tuple[tuple[int, ...], float]]:
    """The gradient of the sum of dy y by each number of x: central differences of forward."""
    x = trial.bottom[0]
    for at in np.ndindex(x.shape):
        kept = x.data[at]
        x.data[at] = kept + STEP
        above = trial.forward()
        x.data[at] = kept - STEP
        below = trial.forward()
        x.data[at] = kept
        yield at, float((dy * (above - below)).sum() / (2 * STEP))


def run_layer(kind: Any, case: Case) -> np.ndarray:
    """y, after backward has agreed with forward. Raises Wrong."""
    if not (isinstance(kind, type) and issubclass(kind, Layer)):
        raise Wrong('it is not a class derived from Layer')
    trial = Trial(kind, case['x'])
    y = trial.forward()
    dy = case['dy']
    if y.shape == dy.shape:
        check_backward(trial, dy)
    return y


def check_backward(trial: Trial, dy: np.ndarray) -> None:
    """Raises Wrong if backward is not the gradient of forward."""
    dx = trial.backward(dy)
    for at, slope in slopes(trial, dy):
        if not abs(dx[at] - slope) <= 1e-4 * max(1, abs(slope)):
            where = ', '.join(map(str, at))
            raise Wrong(
                f'dx at [{where}] is {dx[at]:.6g}; central differences of forward give '
                f'{slope:.6g}{reason(trial, dy, dx)}'
            )
    trial.forward()
    if (trial.backward(dy, wanted=False) != 7).any():
        raise Wrong('backward writes dx although propagate_down[0] is False')


def reason(trial: Trial, dy: np.ndarray, dx: np.ndarray) -> str:
    """A likely reason for a wrong gradient."""
    slope = np.array([each for _, each in slopes(trial, dy)]).reshape(dx.shape)
    if np.allclose(dx, slope + 7, atol=1e-4):
        return ': what the diff of the bottom held before is added; overwrite it'
    if np.allclose(dx, 7):
        return ': backward leaves the diff of the bottom as it was'
    if np.allclose(dx * dy, slope, atol=1e-4):
        return ': the chain rule is missing; multiply by the diff of the top'
    if np.allclose(2 * dx, slope, atol=1e-4):
        return ': every number is half of what is needed'
    return ''
