"""Between-layer normalization: equal change rates for all layers, without a change of the net's function."""
from collections.abc import Collection, Sequence
from math import exp, expm1, inf, log

import numpy as np

from ..netlib import Net
from ..netlib.blob import Param
from ..netlib.layers.affine import Affine
from .activations import Batch
from .gradients import weight_gradients
from .scales import Scales

ALPHA, PAPER_ROUNDS = 0.25, 10      # of Krähenbühl et al. 2016, Algorithm 2
MOST_ROUNDS = 10                    # of the exact method, where layers are homogeneous only nearly
SETTLED = log(1.01)                 # rates that would move by less are settled
LARGEST = log(1e12)                 # no parameter changes by a larger factor


def between_layer(net: Net, batches: Sequence[Batch], chosen: Collection[Affine], rng: np.random.Generator, *,
                  paper: bool = False, strict: bool = False, dropout: bool = False) -> list[str]:
    """Bring the change rates of all layers together by rescaling the `chosen` ones, the outputs unchanged.

    With log-scales s of the blobs (scales.py), W_k *= exp(d_k), b_k *= exp(s_top), d_k = s_top - s_bottom,
    the logarithm of a change rate, rho_k, becomes rho_k - 2 d_k: the gradient by W_k falls as W_k grows. So
    rho is measured once, and the s that make sum of (rho_k - 2 d_k - their mean)^2 smallest are found by
    least squares; of several such s the shortest. On a chain all rates become their geometric mean, the goal
    of Krähenbühl et al. 2016, Algorithm 2, in one step. Where layers (LRN, BatchNorm) are homogeneous only
    nearly, it is repeated until no rate would move by 1 % in another round, which is told from how much less they
    moved in this one than in the one before; `strict` leaves their blobs alone instead.

    `paper` is Algorithm 2 itself: 10 rounds of r_k = (C_k / C)^(alpha / 2), alpha = 0.25, C the geometric
    mean of the rates C_k, W_k *= r_k, and b_k times all that has changed up to it; which is alpha times the
    step above. In a net that is no chain the r_k are those nearest to these that leave the function alone.

    Every layer that learns and has a gradient counts; those that are not chosen keep their rates. Returns
    notes.
    """
    scales = Scales(net, chosen, strict)
    if not scales.free:
        return ['between layers: no scale can change without changing what the net computes']
    seed = int(rng.integers(2 ** 63))       # the same random losses in each round
    rounds = PAPER_ROUNDS if paper else MOST_ROUNDS if scales.nearly else 1
    factors, moves = Factors(scales), inf
    for _ in range(rounds):
        rates = log_rates(net, batches, np.random.default_rng(seed), dropout)
        before, (step, moves) = moves, balanced(rates, scales)
        factors.move(step * (ALPHA if paper else 1))
        expected = moves * min(moves, before) / before if 0 < before < inf else moves
        if expected < SETTLED and not paper:
            break
    notes = _notes(factors, [layer for layer in chosen if not np.isfinite(rates[layer.weight.owner])])
    if rounds > 1 and not paper and expected >= SETTLED:
        notes.append(f'between layers: after {rounds} rounds change rates still moved by {expm1(moves):.0%}; '
                     f"these layers are homogeneous only nearly: {', '.join(scales.nearly)} "
                     '(--strict leaves their blobs alone)')
    return notes


def _notes(factors, uncounted):
    notes = [f"layer '{layer.name}': no gradient reaches its weights, or they are zero: its change rate does not "
             'count' for layer in uncounted]
    if factors.largest(factors.total) > LARGEST - 1e-6:
        notes.append('between layers: change rates differ so much that scaling stopped at a factor of '
                     f'{exp(LARGEST):.0e}')
    return notes


def log_rates(net: Net, batches: Sequence[Batch], rng: np.random.Generator,
              dropout: bool = False) -> dict[Param, float]:
    """The logarithm of the change rate of each weight that learns; not finite where there is none."""
    with np.errstate(divide='ignore'):
        return {weight: float(np.log(gradient.change_rate))
                for weight, gradient in weight_gradients(net, batches, rng, dropout).items()}


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
        """Go `step` further, or as far as all factors stay in bounds: any part leaves the function alone."""
        wanted, before = self.total + step, self.total
        self.total = wanted * min(1, LARGEST / max(self.largest(wanted), LARGEST))
        for param, row in [*self.scales.weights.items(), *self.scales.biases.items()]:
            param.data *= exp(row @ (self.total - before))

    def largest(self, total: np.ndarray) -> float:
        """The logarithm of the greatest factor, or of one over the smallest."""
        rows = [*self.scales.weights.values(), *self.scales.biases.values(), 0 * total]
        return max(abs(row @ total) for row in rows)
