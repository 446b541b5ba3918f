"""Rounds of measuring change rates and moving the free scales."""

from collections.abc import Sequence
from math import exp, expm1, log

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ...netlib import Net
from ...netlib.blob import Param
from ..activations import Batch
from ..gradients import weight_gradients
from ..kinds import Notes
from .free_scales import FreeScales
from .whole import WholeNet

MOST_ROUNDS = 10  # if layers are only nearly homogeneous
SETTLED = log(1.01)  # rates that would move by less are settled
LARGEST = log(1e12)  # no parameter changes by a larger factor


class Rounds:
    """Alternating measurements and moves, all with the same random losses.

    rates     the log-rates before the last move
    moved     the largest distance that the last move took one of them
    shrinks   the factor by which moves shrink from round to round
    """

    def __init__(self, whole: WholeNet, scales: FreeScales, rng: Generator):
        self.whole = whole
        self.scales = scales
        self.seed = int(rng.integers(2**63))
        self.factors = Factors(scales)
        self.rates: dict[Param, float] = {}
        self.moved = 1.0
        self.shrinks = 1.0

    def run(self, batches: Sequence[Batch], part: float = 1) -> None:
        """One round, going only `part` of the way."""
        rng = np.random.default_rng(self.seed)
        self.rates = log_rates(self.whole.net, batches, rng, self.whole.dropout)
        step, self.moved = balancing_step(self.rates, self.scales)
        self.factors.move(step * part)

    def settle(self, batches: Sequence[Batch]) -> None:
        """Run rounds until no rate would move by 1 % in another round."""
        self.run(batches)
        for _ in range(1, MOST_ROUNDS):
            if self.expected < SETTLED:
                break
            before = self.moved
            self.run(batches)
            self.shrinks = min(self.moved / before, 1)

    @property
    def expected(self) -> float:
        """The distance that another round would move a rate."""
        return self.moved * self.shrinks

    def notes(self) -> Notes:
        """Notes on what kept rates from becoming equal."""
        notes = []
        for layer in self.whole.chosen:
            if not np.isfinite(self.rates[layer.weight.owner]):
                notes.append(
                    f"layer '{layer.name}': no gradient reaches its weights, or they are zero: its "
                    'change rate does not count'
                )
        if self.factors.largest(self.factors.total) > LARGEST - 1e-6:
            notes.append(
                'between layers: change rates differ so much that scaling stopped at a factor of '
                f'{exp(LARGEST):.0e}'
            )
        return notes

    def unsettled(self) -> Notes:
        """A note if more rounds were needed."""
        if self.expected < SETTLED:
            return []
        return [
            f'between layers: after {MOST_ROUNDS} rounds change rates still moved by '
            f'{expm1(self.moved):.0%}; these layers are only nearly homogeneous: '
            f'{", ".join(self.scales.nearly)} (--strict keeps the scales of their blobs)'
        ]


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


def balancing_step(rates: dict[Param, float], scales: FreeScales) -> tuple[ndarray, float]:
    """The free numbers that bring log-rates closest together, and the largest move of a rate."""
    still = np.zeros(scales.free)
    known = [weight for weight, rate in rates.items() if np.isfinite(rate)]
    if not known:
        return still, 0.0
    rho = np.array([rates[weight] for weight in known])
    moves = 2 * np.array([scales.weights.get(weight, still) for weight in known])
    relative_moves = moves - moves.mean(axis=0)
    relative_rho = rho - rho.mean()
    step, *_ = np.linalg.lstsq(relative_moves, relative_rho, rcond=1e-9)
    return step, abs(moves @ step).max()


class Factors:
    """The free numbers of all changes so far: weights and biases are multiplied as they move."""

    def __init__(self, scales: FreeScales):
        self.rows = [*scales.weights.items(), *scales.biases.items()]
        self.total = np.zeros(scales.free)

    def move(self, step: ndarray) -> None:
        """Go `step` further, or as far as all factors stay in bounds. A partial step does not
        change the function either."""
        before = self.total
        wanted = before + step
        largest = self.largest(wanted)
        self.total = wanted * min(1, LARGEST / max(largest, LARGEST))
        change = self.total - before
        for param, row in self.rows:
            param.data *= exp(row @ change)

    def largest(self, total: ndarray) -> float:
        """The logarithm of the greatest factor, or of one over the smallest."""
        return max((abs(row @ total) for _, row in self.rows), default=0.0)
