"""Between-layer normalization: equal change rates for all layers, without a change of the net's
function."""

from collections.abc import Collection, Sequence
from math import exp, expm1, log

import numpy as np

from ..netlib import Net
from ..netlib.blob import Param
from ..netlib.layers.shared.affine import Affine
from .activations import Batch
from .gradients import weight_gradients
from .scales import Scales

ALPHA, PAPER_ROUNDS = 0.25, 10  # of Krähenbühl et al. 2016, Algorithm 2
MOST_ROUNDS = 10  # of the exact method, where layers are homogeneous only nearly
SETTLED = log(1.01)  # rates that would move by less are settled
LARGEST = log(1e12)  # no parameter changes by a larger factor


def between_layer(
    net: Net,
    batches: Sequence[Batch],
    chosen: Collection[Affine],
    rng: np.random.Generator,
    *,
    paper: bool = False,
    strict: bool = False,
    dropout: bool = False,
) -> list[str]:
    """Bring the change rates of all layers together by rescaling the `chosen` ones, the outputs
    unchanged.

    With log-scales s of the blobs (scales.py), W_k *= exp(d_k), b_k *= exp(s_top), d_k = s_top -
    s_bottom, the logarithm of a change rate, rho_k, becomes rho_k - 2 d_k: the gradient by W_k
    falls as W_k grows. So rho is measured once, and the s that make sum of (rho_k - 2 d_k - their
    mean)^2 smallest are found by least squares; of several such s the shortest. On a chain all
    rates become their geometric mean, the goal of Krähenbühl et al. 2016, Algorithm 2, in one step.
    Where layers (LRN, BatchNorm) are homogeneous only nearly, it is repeated until no rate would
    move by 1 % in another round, which is told from how much less they moved in this one than in
    the one before; `strict` leaves their blobs alone instead.

    `paper` is Algorithm 2 itself: 10 rounds of r_k = (C_k / C)^(alpha / 2), alpha = 0.25, C the
    geometric mean of the rates C_k, W_k *= r_k, and b_k times all that has changed up to it; which
    is alpha times the step above. In a net that is no chain the r_k are those nearest to these that
    leave the function alone.

    Every layer that learns and has a gradient counts; those that are not chosen keep their rates.
    Returns notes.
    """
    scales = Scales(net, chosen, strict)
    if not scales.free:
        return ['between layers: no scale can change without changing what the net computes']
    rounds = Rounds(net, scales, int(rng.integers(2**63)), dropout)
    if paper:
        for _ in range(PAPER_ROUNDS):
            rounds.run(batches, ALPHA)
        return rounds.notes(chosen)
    if not scales.nearly:
        rounds.run(batches)
        return rounds.notes(chosen)
    if len(batches) > 1:
        rounds.settle(batches[:1])  # goes most of the way at a fraction of the cost
    rounds.settle(batches)
    return rounds.notes(chosen) + rounds.unsettled()


class Rounds:
    """Measurements and moves in turn. rates: the log-rates before the last move; moved: how far it
    took one of them at most; expected: how far another round would."""

    def __init__(self, net: Net, scales: Scales, seed: int, dropout: bool):
        self.net, self.scales, self.seed, self.dropout = net, scales, seed, dropout
        self.factors = Factors(scales)
        self.rates: dict[Param, float] = {}
        self.moved = self.shrinks = (
            1.0  # shrinks: to which part of itself a move falls from round to round
        )

    def run(self, batches: Sequence[Batch], part: float = 1) -> None:
        """One round, with the same random losses as all others; go `part` of the way."""
        self.rates = log_rates(self.net, batches, np.random.default_rng(self.seed), self.dropout)
        step, self.moved = balanced(self.rates, self.scales)
        self.factors.move(step * part)

    def settle(self, batches: Sequence[Batch]) -> None:
        """Rounds until no rate would move by 1 % in another one."""
        self.run(batches)
        for _ in range(1, MOST_ROUNDS):
            if self.expected < SETTLED:
                break
            before = self.moved
            self.run(batches)
            self.shrinks = min(self.moved / before, 1)

    @property
    def expected(self) -> float:
        return self.moved * self.shrinks

    def notes(self, chosen: Collection[Affine]) -> list[str]:
        """What kept rates from meeting."""
        notes = [
            f"layer '{layer.name}': no gradient reaches its weights, or they are zero: its change rate does not "
            'count'
            for layer in chosen
            if not np.isfinite(self.rates[layer.weight.owner])
        ]
        if self.factors.largest(self.factors.total) > LARGEST - 1e-6:
            notes.append(
                'between layers: change rates differ so much that scaling stopped at a factor of '
                f'{exp(LARGEST):.0e}'
            )
        return notes

    def unsettled(self) -> list[str]:
        if self.expected < SETTLED:
            return []
        return [
            f'between layers: after {MOST_ROUNDS} rounds change rates still moved by {expm1(self.moved):.0%}; '
            f'these layers are homogeneous only nearly: {", ".join(self.scales.nearly)} '
            '(--strict leaves their blobs alone)'
        ]


def log_rates(
    net: Net, batches: Sequence[Batch], rng: np.random.Generator, dropout: bool = False
) -> dict[Param, float]:
    """The logarithm of the change rate of each weight that learns; not finite where there is none."""
    with np.errstate(divide='ignore'):
        return {
            weight: float(np.log(gradient.change_rate))
            for weight, gradient in weight_gradients(net, batches, rng, dropout).items()
        }


def balanced(rates: dict[Param, float], scales: Scales) -> tuple[np.ndarray, float]:
    """The free numbers that bring the log-rates closest together, and the largest move of a rate."""
    known = [weight for weight, rate in rates.items() if np.isfinite(rate)]
    if not known:
        return np.zeros(scales.free), 0.0
    rho = np.array([rates[weight] for weight in known])
    moves = 2 * np.array([scales.weights.get(weight, np.zeros(scales.free)) for weight in known])
    step = np.linalg.lstsq(moves - moves.mean(axis=0), rho - rho.mean(), rcond=1e-9)[0]
    return step, abs(moves @ step).max()


class Factors:
    """The free numbers of all changes so far: weights and biases are multiplied as they move."""

    def __init__(self, scales: Scales):
        self.scales, self.total = scales, np.zeros(scales.free)

    def move(self, step: np.ndarray) -> None:
        """Go `step` further, or as far as all factors stay in bounds: any part leaves the function
        alone."""
        wanted, before = self.total + step, self.total
        self.total = wanted * min(1, LARGEST / max(self.largest(wanted), LARGEST))
        for param, row in [*self.scales.weights.items(), *self.scales.biases.items()]:
            param.data *= exp(row @ (self.total - before))

    def largest(self, total: np.ndarray) -> float:
        """The logarithm of the greatest factor, or of one over the smallest."""
        rows = [*self.scales.weights.values(), *self.scales.biases.values(), 0 * total]
        return max(abs(row @ total) for row in rows)
