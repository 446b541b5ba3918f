"""Page 3: backward, and the check that finds a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...netlib.layers import Layer
from ..exercise import Case, Exercise, Wrong, exercise
from ..layer_trial import run_layer
from ..made_up import numbers
from ..one_layer import one_layer


def products(seed: int, rows: int, inputs: int, outputs: int) -> Case:
    return {
        'x': numbers(seed, rows, inputs),
        'W': numbers(seed + 1, outputs, inputs),
        'dy': numbers(seed + 2, rows, outputs),
        'dW': numbers(seed + 3, outputs, inputs),
        'db': numbers(seed + 4, outputs),
    }


def accumulating(found: Callable[..., Any], case: Case) -> Any:
    """dx as returned, dW and db as the solution left them."""
    dx = found(**case)
    if dx is None:
        raise Wrong('it returned None; needed: dx (dW and db change in place)')
    return dx, case['dW'], case['db']


@exercise(
    '3.1',
    'the gradients of y = x W^T + b',
    [products(0, 2, 3, 4), products(10, 3, 2, 2), products(20, 1, 4, 3)],
    returns=('dx', 'dW', 'db'),
    run=accumulating,
)
def inner_product_backward(
    x: np.ndarray, W: np.ndarray, dy: np.ndarray, dW: np.ndarray, db: np.ndarray
) -> np.ndarray:
    """Backward of an InnerProduct layer: return dx, and add to dW and db in place.

    x  (N, K)    W, dW  (M, K)    db  (M,)    dy  (N, M), the gradient of the loss by y

    dW and db hold gradients of earlier passes: those of parameters accumulate. The caller sees
    what you write into these arrays (dW += ..., dW[...] = ...), not what you assign to the names.
    """
    net = inner_product(x, W)
    weight, bias = net.layers[-1].params
    weight.diff = dW
    bias.diff = db
    net.blobs['y'].diff = dy
    net.layers[-1].backward(net.tops[-1], [True], net.bottoms[-1])
    dW[...] = weight.diff
    db[...] = bias.diff
    return net.blobs['x0'].diff.copy()


def inner_product(x, W):
    net = one_layer(f'type: "InnerProduct" inner_product_param {{ num_output: {len(W)} }}', x)
    net.layers[-1].params[0].data = W
    net.forward()
    return net


@inner_product_backward.mistake(
    'dW and db are overwritten; they must accumulate: add to what they hold'
)
def overwritten(x, W, dy, dW, db):
    dW[...] = 0
    db[...] = 0
    return inner_product_backward.solution(x, W, dy, dW, db)


@inner_product_backward.mistake(
    'dW and db keep their old values: `dW = dW + ...` makes a new array; write `dW += ...`'
)
def unchanged(x, W, dy, dW, db):
    return inner_product_backward.solution(x, W, dy, dW.copy(), db.copy())


@inner_product_backward.mistake(
    'the gradients of parameters are means over the rows; needed: sums, as the loss layer has '
    'divided already'
)
def averaged(x, W, dy, dW, db):
    dW += dy.T @ x / len(x)
    db += dy.mean(0)
    return dy @ W


@inner_product_backward.mistake(
    'db is not touched: the gradient by b is the sum of dy over the rows'
)
def bias_forgotten(x, W, dy, dW, db):
    return inner_product_backward.solution(x, W, dy, dW, db.copy())


LAYER = '''
from goodinit.netlib.layers import Layer


class SquaredReLU(Layer):
    """y = max(x, 0)^2 for each number: the activation of Primer (So et al. 2021).

    Bottoms and tops are lists of one blob. `blob.values` and `blob.diffs` are tensors, and
    `self.engine` computes on them. These ops are all you need:

        engine.unary('relu', a, 0, out=b)       b = max(a, 0)
        engine.binary('mul', a, b, out=c)       c = a b
        engine.axpby(s, a, t, out=b)            b = s a + t b
        self.scratch('name', *shape)            a tensor for this call

    The gradient by a bottom is overwritten (not added to), and only where propagate_down says so.
    """

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom, top):
        raise NotImplementedError

    def backward(self, top, propagate_down, bottom):
        raise NotImplementedError
'''


class SquaredReLU(Layer):
    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom, top):
        y = top[0].values
        self.engine.unary('relu', bottom[0].values, 0, out=y)
        self.engine.binary('mul', y, y, out=y)

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        dx = bottom[0].diffs
        self.engine.unary('relu', bottom[0].values, 0, out=dx)
        self.engine.binary('mul', dx, top[0].diffs, out=dx)
        self.engine.axpby(2, dx, 0, out=dx)


squared_relu = Exercise(
    '3.2',
    'a layer of your own: the squared ReLU',
    SquaredReLU,
    [
        {'x': numbers(30, 2, 3), 'dy': numbers(31, 2, 3)},
        {'x': numbers(32, 1, 2, 2, 2), 'dy': numbers(33, 1, 2, 2, 2)},
    ],
    returns=('y',),
    run=run_layer,
    template=LAYER,
)


@squared_relu.mistake('y is x^2 for negative x, too; needed: 0 there')
class Squared(SquaredReLU):
    def forward(self, bottom, top):
        x, y = bottom[0].values, top[0].values
        self.engine.binary('mul', x, x, out=y)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            dx = bottom[0].diffs
            self.engine.binary('mul', bottom[0].values, top[0].diffs, out=dx)
            self.engine.axpby(2, dx, 0, out=dx)


@squared_relu.mistake('y is max(x, 0); needed: its square')
class Plain(SquaredReLU):
    def forward(self, bottom, top):
        self.engine.unary('relu', bottom[0].values, 0, out=top[0].values)

    def backward(self, top, propagate_down, bottom):
        if propagate_down[0]:
            x, y = bottom[0].values, top[0].values
            self.engine.unary_backward('relu', x, y, top[0].diffs, 0, out=bottom[0].diffs)
