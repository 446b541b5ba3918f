"""Between-layer normalization: equal change rates for all layers, without changing the net's
function."""

from typing import Annotated

from numpy.random import Generator

from ..kinds import Notes, Option, initializer
from .free_scales import FreeScales
from .rounds import Rounds
from .said import apart, arrived
from .whole import WholeNet

ALPHA = 0.25  # of Krähenbühl et al. 2016, Algorithm 2
PAPER_ROUNDS = 10
NOTHING_FREE = 'between layers: no scale can change without changing what the net computes'

Strict = Annotated[
    bool, Option('no rescaling across layers that are only nearly homogeneous, such as LRN')
]
AllowChange = Annotated[
    bool,
    Option(
        'rescale across such layers as far as rates ask for, even if outputs move',
        excludes='strict',
    ),
]


@initializer('exact', 'net')
def exact(
    whole: WholeNet, rng: Generator, strict: Strict = False, allow_change: AllowChange = False
) -> Notes:
    """Bring the change rates of all layers together by rescaling the chosen ones.

    With log-scales s of the blobs, one for each piece of a blob's channels that Concat puts side by
    side (wiring.py),

        W_kj *= exp(d_kj), b_k *= exp(s_top)        with d_kj = s_top - s_bottom

    (s_bottom is that of the piece of column j) leaves the outputs unchanged. If all columns of W_k
    have the same d_k, the logarithm of its change rate, rho_k, becomes rho_k - 2 d_k: the gradient
    by W_k falls as W_k grows. Otherwise it is a smooth function of the d_kj and of numbers measured
    once (piecewise_rates.py). So rates are measured once, and the s that make the sum of (rho_k -
    their mean)^2 smallest are found by least squares. On a chain, all rates become their geometric
    mean, the goal of Krähenbühl et al. 2016, Algorithm 2.

    Across layers that are only nearly homogeneous (LRN, BatchNorm), scales change only as far as
    the outputs move by less than 1e-3 of the largest. `allow_change` lifts that bound, and measures
    again until no rate would move by 1 %; `strict` fixes the scales of their blobs instead. Every
    layer that learns and has a gradient counts; layers that are not chosen keep their rates.
    """
    scales = FreeScales(whole.net, whole.chosen, strict)
    if not scales.free:
        whole.measured['function_moved'] = 0.0
        return [NOTHING_FREE]
    rounds = Rounds(whole, scales, rng, bounded=not allow_change)
    if allow_change and scales.nearly:
        rounds.watch()
        if len(rounds.batches) > 1:
            rounds.settle(rounds.batches[:1])  # most of the way at a fraction of the cost
        rounds.settle(rounds.batches)
    else:
        rounds.run(rounds.batches)
    return arrived(rounds) + apart(rounds)


@initializer('paper', 'net')
def paper(
    whole: WholeNet, rng: Generator, strict: Strict = False, allow_change: AllowChange = False
) -> Notes:
    """Krähenbühl et al. 2016, Algorithm 2, as published.

    10 rounds of r_k = (C_k / C)^(alpha / 2), alpha = 0.25, C the geometric mean of the rates C_k,
    W_k *= r_k, and b_k times the product of all changes up to it; this is alpha times the step of
    `exact`, with one scale for each blob. In a net that is not a chain, the r_k are the nearest
    ones that do not change the function; layers that are only nearly homogeneous are bounded as in
    `exact`.
    """
    scales = FreeScales(whole.net, whole.chosen, strict, by_channel=False)
    if not scales.free:
        whole.measured['function_moved'] = 0.0
        return [NOTHING_FREE]
    rounds = Rounds(whole, scales, rng, bounded=not allow_change)
    for _ in range(PAPER_ROUNDS):
        rounds.run(rounds.batches, ALPHA)
    return arrived(rounds)
