"""Factors of weights and biases that follow the scales of a net's blobs."""

from collections.abc import Sequence
from math import exp, log

import numpy as np
from numpy import ndarray

from ...netlib import Net
from ...netlib.layers.shared.affine import Affine
from ..reach import affine_layers
from .free_scales import FreeScales
from .pieces import Pieces, lengths

LARGEST = log(1e12)  # no parameter changes by a larger factor


class Factors:
    """All changes so far: weights and biases are multiplied as the scales move.

    total  the free numbers
    here   the unknowns of the scales
    """

    def __init__(self, net: Net, scales: FreeScales):
        self.layers = {layer.weight.owner: layer for layer in reversed(affine_layers(net))}
        self.scales = scales
        self.total = np.zeros(scales.free)
        self.here = np.zeros(scales.unknowns.count)

    def move_to(self, wanted: ndarray, offset: ndarray) -> None:
        """Move to these free numbers, or as far toward them as all factors stay in bounds, and this
        offset of the unknowns.

        A partial step does not change the function either.
        """
        self.total = wanted * min(1, LARGEST / max(self.largest(wanted), LARGEST))
        before = self.here
        self.here = self.scales.basis @ self.total + offset
        change = self.here - before
        for weight, pieces in self.scales.weights.items():
            moves = [float(row @ change) for _, row in pieces]
            multiply_columns(self.layers[weight], pieces, moves)
        for bias, row in self.scales.biases.items():
            bias.data *= exp(row @ change)

    def largest(self, total: ndarray) -> float:
        """The logarithm of the greatest factor, or of one over the smallest."""
        unknowns = self.scales.basis @ total
        rows = [row for pieces in self.scales.weights.values() for _, row in pieces]
        rows += self.scales.biases.values()
        return max((abs(row @ unknowns) for row in rows), default=0.0)

    @property
    def stopped(self) -> bool:
        """Whether a factor has reached its limit."""
        return self.largest(self.total) > LARGEST - 1e-6


def multiply_columns(layer: Affine, pieces: Pieces[ndarray], moves: Sequence[float]) -> None:
    """Multiply each piece of the columns of W by exp(move)."""
    if len(moves) == 1:
        layer.weight.data *= exp(moves[0])
        return
    view = layer.weight_view()
    groups, _, *inputs = view.shape
    counts = lengths(pieces, groups * int(np.prod(inputs)))
    factors = np.repeat(np.exp(moves), counts).astype(view.dtype)
    view *= factors.reshape(groups, 1, *inputs)
