"""Rounds of measuring change rates and moving the free scales, while the outputs are watched."""

from collections.abc import Sequence
from math import exp, log

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ...netlib import Net
from ...netlib.blob import Param
from ...netlib.layers.shared.affine import Affine
from ..activations import Batch
from ..gradients import weight_gradients
from ..measures import WatchedOutputs
from ..reach import affine_layers
from .departures import Departure, departures_of, log_factor
from .free_scales import FreeScales
from .nearest_rates import Bounds, RateModel, nearest_rates
from .pieces import Pieces, lengths
from .piecewise_rates import piecewise_rates
from .scores import Scores, WatchedScores, greatest_move, scores_of
from .whole import WholeNet

ALLOWED = 1e-3  # an output may move by this part of the largest
MOST_ROUNDS = 10  # if layers are only nearly homogeneous
SETTLED = log(1.01)  # rates that would move by less are settled
LARGEST = log(1e12)  # no parameter changes by a larger factor
TRIES = 6  # at finding how far nearly homogeneous layers may go
CLOSE = 0.8  # of ALLOWED: nearer is not worth another try


class Rounds:
    """Alternating measurements and moves, all with the same random losses.

    bounded: layers that are only nearly homogeneous move as far as the outputs allow.

    model        the log-rates before the last move
    start        the free numbers of all changes before the last move
    moved        the largest distance that the last move took one of the rates
    shrinks      the factor by which moves shrink from round to round
    settling     how many rounds the last `settle` took
    tolerance    how far such a layer may depart from what it declares
    outputs      of the layers, as they are now
    """

    def __init__(self, whole: WholeNet, scales: FreeScales, rng: Generator, bounded: bool):
        self.whole = whole
        self.scales = scales
        self.seed = int(rng.integers(2**63))
        self.factors = Factors(whole.net, scales)
        self.model = RateModel({}, scales)
        self.start = self.factors.total
        self.moved = 1.0
        self.shrinks = 1.0
        self.settling = 0
        self.tolerance = ALLOWED / 2
        self.before: Scores = {}
        self.outputs = WatchedOutputs(whole.net)
        self.departures: dict[int, Departure] = {}
        if bounded and scales.nearly:
            indices = {near.index for near in scales.nearly}
            self.departures = departures_of(whole.net, whole.batches[0], indices)

    def run(self, batches: Sequence[Batch], part: float = 1) -> None:
        """One round, going only `part` of the way."""
        self.start = self.factors.total
        self.model = self._measure(batches)
        step = part * self._wanted()
        values = self.model.values(0 * step)
        self.moved = float(abs(self.model.values(step) - values).max(initial=0))
        self._move_to(self.start + step)

    def settle(self, batches: Sequence[Batch]) -> None:
        """Run rounds until no rate would move by 1 % in another round."""
        self.run(batches)
        self.settling = 1
        while self.expected >= SETTLED and self.settling < MOST_ROUNDS:
            before = self.moved
            self.run(batches)
            self.shrinks = min(self.moved / before, 1)
            self.settling += 1

    @property
    def expected(self) -> float:
        """The distance that another round would move a rate."""
        return self.moved * self.shrinks

    @property
    def step(self) -> ndarray:
        """The last move of the free numbers."""
        return self.factors.total - self.start

    def watch(self) -> None:
        """Remember the outputs as they are now."""
        self.before = scores_of(self.whole.net, self.whole.batches)

    def outputs_moved(self) -> float:
        """The largest change of an output since the first measurement, over the largest output."""
        net = self.whole.net
        self.outputs = WatchedOutputs(net)
        after = scores_of(net, self.whole.batches, self.outputs.see)
        return greatest_move(self.before, after, net.ranks)

    def keep_function(self) -> float:
        """Find the largest step that leaves the outputs as they are; returns how far they move.

        The tolerance of the layers that are only nearly homogeneous grows or falls, as outputs move
        in proportion to it, until the outputs move by less than ALLOWED, and by not much less where
        such a layer holds others back.
        """
        moved = self.outputs_moved()
        if not self.departures:
            return moved
        best = 0.0  # the largest tolerance that is allowed
        for _ in range(TRIES):
            if moved < ALLOWED:
                best = max(best, self.tolerance)
            close = CLOSE * ALLOWED < moved < ALLOWED
            if close or (moved < ALLOWED and not self.at_bounds()):
                return moved
            goal = (1 + CLOSE) / 2 * ALLOWED / max(moved, 1e-12)
            moved = self._again(self.tolerance * min(max(goal, 0.02), 8))
        return moved if moved < ALLOWED else self._again(best)

    def at_bounds(self) -> list[tuple[str, ndarray]]:
        """The nearly homogeneous layers that go as far as they may: their names, and their scale as
        a row over the unknowns."""
        found = []
        total = self.factors.total
        for near in self.scales.nearly:
            if near.index not in self.departures:
                continue
            lower, upper = self.departures[near.index].interval(self.tolerance)
            rows = self.scales.unknowns.matrix(near.scales)
            for row, scale in zip(rows, rows @ self.scales.basis @ total, strict=True):
                if scale < lower + 1e-6 or scale > upper - 1e-6:
                    found.append((near.name, row))
        return found

    def _again(self, tolerance: float) -> float:
        """The last move with another tolerance; returns how far the outputs move."""
        self.tolerance = tolerance
        self._move_to(self.start + self._wanted())
        return self.outputs_moved()

    def _move_to(self, wanted: ndarray) -> None:
        """Move to these free numbers, and make up for what nearly homogeneous layers depart."""
        values = {}
        for near in self.scales.nearly:
            if near.index in self.departures:
                x = self.departures[near.index].x
                moves = self.scales.log_scales(near.scales) @ wanted
                for number, s in zip(near.constraints, moves, strict=False):
                    values[number] = log_factor(self.whole.net, near.index, x, s)
        offset = self.scales.unknowns.solution(values) if values else 0 * self.factors.here
        self.factors.move_to(wanted, offset)

    def _measure(self, batches: Sequence[Batch]) -> RateModel:
        net = self.whole.net
        rng = np.random.default_rng(self.seed)
        watched = WatchedScores(net)
        gradients = weight_gradients(net, batches, rng, self.whole.dropout, watched.see)
        if not self.before and not self.whole.dropout:
            self.before = watched.found
        rates = piecewise_rates(net, gradients, self.scales.weights)
        return RateModel(rates, self.scales)

    def _wanted(self) -> ndarray:
        """The step to the nearest rates within the bounds."""
        bounds = self._bounds().around(self.start)
        return nearest_rates(self.model, np.zeros(self.scales.free), bounds)

    def _bounds(self) -> Bounds:
        """How far the scales of nearly homogeneous layers may move."""
        forms = []
        lower: list[float] = []
        upper: list[float] = []
        for near in self.scales.nearly:
            if near.index in self.departures:
                low, high = self.departures[near.index].interval(self.tolerance)
                forms += near.scales
                lower += [low] * len(near.scales)
                upper += [high] * len(near.scales)
        rows = self.scales.log_scales(forms)
        return Bounds(rows, np.array(lower), np.array(upper))


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
        largest = self.largest(wanted)
        self.total = wanted * min(1, LARGEST / max(largest, LARGEST))
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


def log_rates(
    net: Net, batches: Sequence[Batch], rng: Generator, dropout: bool = False
) -> dict[Param, float]:
    """The log of the change rate of each weight that learns; not finite if it has none."""
    gradients = weight_gradients(net, batches, rng, dropout)
    rates = {}
    with np.errstate(divide='ignore'):
        for weight, gradient in gradients.items():
            rates[weight] = float(np.log(gradient.change_rate))
    return rates
