"""The change rate of a weight as a function of the factors of its columns.

Multiplying the columns of piece p of W by exp(m_p), with the function unchanged, divides their
gradients by exp(m_p). So the rate (Krähenbühl et al. 2016, eq. 3), the mean of the columns'
gradient sizes C_j over the size of W, becomes

    sum over p of exp(-m_p) (sum of C_j over p) / sqrt(sum over p of exp(2 m_p) (sum of W^2 over p))

up to a constant. With one piece it is divided by exp(2 m).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy import ndarray

from ...netlib import Net
from ...netlib.blob import Param
from ...netlib.layers.shared.affine import Affine
from ..reach import affine_layers
from ..squared_gradients import WeightGradient
from .pieces import Pieces, lengths


@dataclass(frozen=True)
class Rate:
    """The log-rate of one weight.

    now       its value
    columns   each piece's share of the sum of C_j
    squares   each piece's share of the sum of W^2
    """

    now: float
    columns: ndarray
    squares: ndarray

    def after(self, moves: ndarray) -> float:
        """The log-rate once the pieces are multiplied by exp(moves)."""
        gradient = self.columns @ np.exp(-moves)
        size = self.squares @ np.exp(2 * moves)
        return float(self.now + np.log(gradient) - np.log(size) / 2)

    def slopes(self, moves: ndarray) -> ndarray:
        """Its derivatives by `moves`."""
        gradient = self.columns * np.exp(-moves)
        size = self.squares * np.exp(2 * moves)
        return -gradient / gradient.sum() - size / size.sum()


def piecewise_rates(
    net: Net, gradients: dict[Param, WeightGradient], weights: dict[Param, Pieces[ndarray]]
) -> dict[Param, Rate]:
    """The rates of all weights that have one: a gradient reaches them, and they are not zero."""
    layers = {layer.weight.owner: layer for layer in reversed(affine_layers(net))}
    rates = {}
    for weight, gradient in gradients.items():
        rate = gradient.change_rate
        if rate > 0 and np.isfinite(rate):
            rates[weight] = _rate(layers[weight], gradient, log(rate), weights.get(weight, []))
    return rates


def _rate(layer: Affine, gradient: WeightGradient, now: float, pieces: Pieces[ndarray]) -> Rate:
    if len(pieces) <= 1:
        return Rate(now, np.ones(1), np.ones(1))
    sizes = np.sqrt(gradient.columns).ravel()
    squares = column_squares(layer)
    counts = lengths(pieces, sizes.size)
    return Rate(now, shares(sizes, counts), shares(squares, counts))


def column_squares(layer: Affine) -> ndarray:
    """The sum of W^2 over each column, (columns of all groups,) float64: the columns of one channel
    after those of the other, as in a gradient's."""
    view = layer.weight_view()
    groups, outputs = view.shape[:2]
    rows = view.reshape(groups, outputs, -1)
    return np.einsum('goc,goc->gc', rows, rows, dtype=float).ravel()


def shares(values: ndarray, counts: Sequence[int]) -> ndarray:
    """The share of consecutive runs of so many values in the sum of all."""
    starts = np.cumsum([0, *counts[:-1]])
    sums = np.add.reduceat(values, starts)
    return sums / sums.sum()
