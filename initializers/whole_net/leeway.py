"""How far scales may move across layers that are only nearly homogeneous."""

import numpy as np
from numpy import ndarray

from ...netlib import Net
from ..activations import Batch
from .departures import departures_of, log_factor
from .free_scales import FreeScales
from .nearest_rates import Bounds

Reached = list[tuple[ndarray, str]]  # forms, as rows over the unknowns, and who bounds them


class Leeway:
    """Bounds on the scales of nearly homogeneous layers, and what makes up for their departure.

    tolerance  how far a layer may depart from what it declares (departures.py)
    """

    def __init__(self, net: Net, batch: Batch, scales: FreeScales, tolerance: float):
        self.net = net
        self.scales = scales
        self.tolerance = tolerance
        self.departures = departures_of(net, batch, {near.index for near in scales.nearly})

    def bounds(self) -> Bounds:
        """On every scale, as a form of the free numbers."""
        forms = []
        intervals = []
        for near in self.scales.nearly:
            interval = self.departures[near.index].interval(self.tolerance)
            forms += near.scales
            intervals += [interval] * len(near.scales)
        lower, upper = np.reshape(intervals, (-1, 2)).T
        return Bounds(self.scales.log_scales(forms), lower, upper)

    def reached(self, z: ndarray) -> Reached:
        """The scales that have reached a bound at z, with the layers that they belong to."""
        bounds = self.bounds()
        here = bounds.rows @ z
        at_bound = (here < bounds.lower + 1e-6) | (here > bounds.upper - 1e-6)
        scales = [(near.name, form) for near in self.scales.nearly for form in near.scales]
        found = []
        for (name, form), reached in zip(scales, at_bound, strict=True):
            if reached:
                found.append((self.scales.unknowns.matrix([form])[0], name))
        return found

    def offset(self, z: ndarray) -> ndarray:
        """What to add to the unknowns at z: the scales of the layers' tops make up for what all
        elements of a departure have in common."""
        values = {}
        for near in self.scales.nearly:
            if near.constraints:
                x = self.departures[near.index].x
                moves = self.scales.log_scales(near.scales) @ z
                for number, s in zip(near.constraints, moves, strict=True):
                    values[number] = log_factor(self.net, near.index, x, s)
        return self.scales.unknowns.solution(values)
