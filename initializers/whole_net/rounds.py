"""Rounds of measuring change rates and moving the free scales, while the outputs are watched."""

from collections.abc import Sequence
from math import log

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ..activations import Batch
from ..gradients import weight_gradients
from ..measures import WatchedOutputs
from ..portions import portions
from .factors import Factors
from .free_scales import FreeScales
from .leeway import Leeway
from .nearest_rates import Bounds, RateModel, nearest_rates
from .piecewise_rates import piecewise_rates
from .scores import Scores, WatchedScores, greatest_move, scores_of
from .whole import WholeNet

ALLOWED = 1e-3  # an output may move by this part of the largest
MOST_ROUNDS = 10  # if layers are only nearly homogeneous
SETTLED = log(1.01)  # rates that would move by less are settled
TRIES = 6  # at finding how far nearly homogeneous layers may go
CLOSE = 0.8  # of ALLOWED: nearer is not worth another try


class Rounds:
    """Alternating measurements and moves, all with the same random losses.

    bounded: layers that are only nearly homogeneous move as far as the outputs allow.

    batches   of the whole net, in portions (portions.py)
    model     the log-rates before the last move
    start     the free numbers of all changes before the last move
    part      how far the last move went toward the nearest rates
    moved     the largest distance that it took one of the rates
    shrinks   the factor by which moves shrink from round to round
    settling  how many rounds the last `settle` took
    leeway    of the nearly homogeneous layers, if they are bounded
    before    the scores before the first move
    outputs   of the layers, as they are now
    """

    def __init__(self, whole: WholeNet, scales: FreeScales, rng: Generator, bounded: bool):
        self.whole = whole
        self.batches = portions(whole.net, whole.batches)
        self.scales = scales
        self.seed = int(rng.integers(2**63))
        self.factors = Factors(whole.net, scales)
        self.model = RateModel({}, scales)
        self.start = self.factors.total
        self.part = 1.0
        self.moved = 1.0
        self.shrinks = 1.0
        self.settling = 0
        self.before: Scores = {}
        self.outputs = WatchedOutputs(whole.net)
        self.leeway: Leeway | None = None
        if bounded and scales.nearly:
            self.leeway = Leeway(whole.net, self.batches[0], scales, ALLOWED / 2)

    def run(self, batches: Sequence[Batch], part: float = 1) -> None:
        """One round, going only `part` of the way."""
        self.start = self.factors.total
        self.part = part
        self.model = self._measure(batches)
        self._move()
        values = self.model.values(0 * self.step)
        self.moved = float(abs(self.model.values(self.step) - values).max(initial=0))

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
        """Remember the scores as they are now."""
        self.before = scores_of(self.whole.net, self.batches)

    def keep_function(self) -> float:
        """Find the largest last step that leaves the scores as they were before the first; returns
        by what part of the largest they move.

        The tolerance of the layers that are only nearly homogeneous grows or falls, as scores move
        in proportion to it, until they move by less than ALLOWED, and by not much less where such a
        layer holds others back.
        """
        moved = self._scores_moved()
        leeway = self.leeway
        if not leeway:
            return moved
        best = 0.0  # the largest tolerance that is allowed
        for _ in range(TRIES):
            if moved < ALLOWED:
                best = max(best, leeway.tolerance)
            close = CLOSE * ALLOWED < moved < ALLOWED
            if close or (moved < ALLOWED and not leeway.reached(self.factors.total)):
                return moved
            goal = (1 + CLOSE) / 2 * ALLOWED / max(moved, 1e-12)
            moved = self._again(leeway, leeway.tolerance * min(max(goal, 0.02), 8))
        return moved if moved < ALLOWED else self._again(leeway, best)

    def _again(self, leeway: Leeway, tolerance: float) -> float:
        """The last move with another tolerance; returns how far the scores move."""
        leeway.tolerance = tolerance
        self._move()
        return self._scores_moved()

    def _scores_moved(self) -> float:
        net = self.whole.net
        self.outputs = WatchedOutputs(net)
        after = scores_of(net, self.batches, self.outputs.see)
        return greatest_move(self.before, after, net.ranks)

    def _measure(self, batches: Sequence[Batch]) -> RateModel:
        net = self.whole.net
        if not self.before and self.whole.dropout:
            self.watch()  # with dropout the scores of a measurement are random
        watched = WatchedScores(net)
        rng = np.random.default_rng(self.seed)
        gradients = weight_gradients(net, batches, rng, self.whole.dropout, watched.see)
        self.before = self.before or watched.found
        return RateModel(piecewise_rates(net, gradients, self.scales.weights), self.scales)

    def _move(self) -> None:
        """Move from `start` toward the nearest rates within the bounds."""
        here = 0 * self.start
        bounds = self.leeway.bounds() if self.leeway else Bounds.none(self.scales.free)
        step = nearest_rates(self.model, here, bounds.around(self.start))
        wanted = bounds.shortened(self.start + self.part * step)
        offset = self.leeway.offset(wanted) if self.leeway else 0 * self.factors.here
        self.factors.move_to(wanted, offset)
