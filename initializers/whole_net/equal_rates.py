"""Between-layer normalization: equal change rates for all layers, without changing the net's
function."""

from typing import Annotated

from numpy.random import Generator

from ..kinds import Notes, Option, initializer
from .free_scales import FreeScales
from .rounds import Rounds
from .whole import WholeNet

ALPHA = 0.25  # of Krähenbühl et al. 2016, Algorithm 2
PAPER_ROUNDS = 10
NOTHING_FREE = 'between layers: no scale can change without changing what the net computes'

Strict = Annotated[
    bool, Option('no rescaling across layers that are only nearly homogeneous, such as LRN')
]


@initializer('exact', 'net')
def exact(whole: WholeNet, rng: Generator, strict: Strict = False) -> Notes:
    """Bring the change rates of all layers together in one step by rescaling the chosen ones.

    With log-scales s of the blobs (free_scales.py),

        W_k *= exp(d_k), b_k *= exp(s_top)         with d_k = s_top - s_bottom

    leaves the outputs unchanged, and the logarithm of a change rate, rho_k, becomes rho_k - 2 d_k:
    the gradient by W_k falls as W_k grows. So rho is measured once, and the s that make the sum of
    (rho_k - 2 d_k - their mean)^2 smallest are found by least squares (the shortest, if there are
    several). On a chain, all rates become their geometric mean, the goal of Krähenbühl et al. 2016,
    Algorithm 2.

    If layers (LRN, BatchNorm) are only nearly homogeneous, this is repeated until no rate would
    move by 1 % in another round, as estimated from the decrease in movement from round to round;
    `strict` fixes the scales of their blobs instead. Every layer that learns and has a gradient
    counts; layers that are not chosen keep their rates.
    """
    scales = FreeScales(whole.net, whole.chosen, strict)
    if not scales.free:
        return [NOTHING_FREE]
    rounds = Rounds(whole, scales, rng)
    if not scales.nearly:
        rounds.run(whole.batches)
        return rounds.notes()
    if len(whole.batches) > 1:
        rounds.settle(whole.batches[:1])  # goes most of the way at a fraction of the cost
    rounds.settle(whole.batches)
    return rounds.notes() + rounds.unsettled()


@initializer('paper', 'net')
def paper(whole: WholeNet, rng: Generator, strict: Strict = False) -> Notes:
    """Krähenbühl et al. 2016, Algorithm 2, as published.

    10 rounds of r_k = (C_k / C)^(alpha / 2), alpha = 0.25, C the geometric mean of the rates C_k,
    W_k *= r_k, and b_k times the product of all changes up to it; this is alpha times the step of
    `exact`. In a net that is not a chain, the r_k are the nearest ones that do not change the
    function.
    """
    scales = FreeScales(whole.net, whole.chosen, strict)
    if not scales.free:
        return [NOTHING_FREE]
    rounds = Rounds(whole, scales, rng)
    for _ in range(PAPER_ROUNDS):
        rounds.run(whole.batches, ALPHA)
    return rounds.notes()
