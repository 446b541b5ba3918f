"""Between-layer normalization: equal change rates for all layers, without a change of the net's function."""
from collections.abc import Collection, Sequence
from math import exp, expm1, log

import numpy as np

from ..netlib import Net
from ..netlib.blob import Param
from ..netlib.layers.affine import Affine
from .gradients import weight_gradients
from .scales import Scales
from .walk import Batch

ALPHA, PAPER_ROUNDS = 0.25, 10      # of Krähenbühl et al. 2016, Algorithm 2
MOST_ROUNDS = 10                    # of the exact method, where layers are homogeneous only nearly
SETTLED = log(1.01)                 # rates that move by less are settled
LARGEST = log(1e12)                 # no parameter changes by a larger factor


def between_layer(net: Net, batches: Sequence[Batch], chosen: Collection[Affine], rng: np.random.Generator, *,
                  paper: bool = False, strict: bool = False, dropout: bool = False) -> list[str]:
    """Bring the change rates of all layers together by rescaling the `chosen` ones, the outputs unchanged.

    With log-scales s of the blobs (scales.py), W_k *= exp(d_k), b_k *= exp(s_top), d_k = s_top - s_bottom,
    the logarithm of a change rate, rho_k, becomes rho_k - 2 d_k: the gradient by W_k falls as W_k grows. So
    rho is measured once, and the s that make sum of (rho_k - 2 d_k - their mean)^2 smallest are found by
    least squares; of several such s the shortest. On a chain all rates become their geometric mean, the goal
    of Krähenbühl et al. 2016, Algorithm 2, in one step. Where layers (LRN, BatchNorm) are homogeneous only
    nearly, it is repeated until no rate moves by 1 %; `strict` leaves their blobs alone instead.

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
    total, moves = np.zeros(scales.free), 0.0
    for done in range(rounds):
        rates = log_rates(net, batches, np.random.default_rng(seed), dropout)
        step, moves = balanced(rates, scales)
        if done and moves < SETTLED and not paper:
            break
        before, total = total, limited(total + step * (ALPHA if paper else 1), scales)
        rescale(scales, total - before)
    notes = _notes(scales, total, [layer for layer in chosen if not np.isfinite(rates[layer.weight.owner])])
    if rounds > 1 and not paper and moves >= SETTLED:
        notes.append(f'between layers: after {rounds} rounds change rates still moved by {expm1(moves):.0%}; '
                     f"these layers are homogeneous only nearly: {', '.join(scales.nearly)} "
                     '(--strict leaves their blobs alone)')
    return notes


def _notes(scales, total, uncounted):
    notes = [f"layer '{layer.name}': no gradient reaches its weights, or they are zero: its change rate does not "
             'count' for layer in uncounted]
    if largest(total, scales) > LARGEST - 1e-6:
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


def limited(total: np.ndarray, scales: Scales) -> np.ndarray:
    """`total`, or as much of it as keeps all factors in bounds: any part leaves the function alone."""
    return total * min(1, LARGEST / max(largest(total, scales), LARGEST))


def largest(total: np.ndarray, scales: Scales) -> float:
    """The logarithm of the greatest factor, or of one over the smallest."""
    return max(abs(row @ total) for row in [*scales.weights.values(), *scales.biases.values(), 0 * total])


def rescale(scales: Scales, step: np.ndarray) -> None:
    """Multiply the weights and biases that may change by their factors."""
    for param, row in [*scales.weights.items(), *scales.biases.items()]:
        param.data *= exp(row @ step)
