"""The rules for residual branches, by name. Each works on one sum, before it is computed."""

from collections.abc import Callable
from math import sqrt

from ..kinds import Notes
from .branches import Branch
from .meeting import Meeting

CONSTANT = 1e-12  # a variance below this part of the target is none


def zero(meeting: Meeting) -> Notes:
    """The last layers of each branch become zero, so that each block begins as its skip connection
    (De & Smith 2020, SkipInit; Pan et al. 2025, IDInit).

    They are the last affine layers, weights and bias; behind a BatchNorm it is the Scale, whose
    factor and shift become zero (Goyal et al. 2017, 5.1), since BatchNorm would divide by the
    deviation 0 of the layer below. A projection keeps its weights.
    """
    branches, notes = meeting.scalable(meeting.sum.branches)
    for branch in branches:
        meeting.scale(branch, 0)
    return notes


def fixup(meeting: Meeting) -> Notes:
    """Fixup's two rules for branches (Zhang, Dauphin & Ma 2019): the last layers become zero as
    with `zero`, the weights of the others are multiplied by L^(-1 / (2 m - 2)).

    L is the number of branches in the net, m that of the affine layers on a way through this one.
    Fixup's zero classifier is `zero_last`; its scalar biases and multipliers are layers of the
    net, which a prototxt must have.
    """
    branches, notes = meeting.scalable(meeting.sum.branches)
    for branch in branches:
        meeting.scale(branch, 0)
        notes += damp(meeting, branch)
    return notes


def damp(meeting: Meeting, branch: Branch) -> Notes:
    """Multiply the weights of all but the last layers of a branch by L^(-1 / (2 m - 2))."""
    inner = [layer for i, layer in branch.affine.items() if i not in branch.ends]
    if not inner or branch.depth < 2:
        return []
    if not branch.closed:
        return ['its branch is read elsewhere too: only its last layer changed']
    factor = meeting.branches ** (-1 / (2 * branch.depth - 2))
    for layer in inner:
        if layer.weight in meeting.movable:
            layer.weight.data *= factor
    return []


def balanced(meeting: Meeting) -> Notes:
    """Scale what meets so that the variance of the sum stays near the target v, 1 by default,
    along the depth of the net.

        var(x + a f) = max(v, var(x) + v / L)

    f is the sum of all bottoms that can be scaled, x the sum of those that cannot: a skip
    connection that passes unchanged. L is the number of sums in the net, so L blocks add at most v
    to a signal that nothing damps; behind a ReLU, and with a projection (x = 0), the variance is v.
    The covariance of x and f is measured, a is the positive root. Sources: Civitelli et al. 2021
    (arXiv 2112.12299), where f and a projection are divided by sqrt(2); Arpit, Campos & Bengio
    2019, where f is divided by sqrt(L).
    """
    bottoms = meeting.sum.bottoms
    able, notes = meeting.scalable([each for each in bottoms if each.affine])
    chosen = [branch.bottom for branch in able]
    others = [each.bottom for each in bottoms if each.bottom not in chosen]
    covariances = meeting.covariances()

    def summed(rows: list[int], columns: list[int]) -> float:
        return float(covariances[rows][:, columns].sum())

    ff, xf, xx = summed(chosen, chosen), summed(others, chosen), summed(others, others)
    if ff <= CONSTANT * meeting.target:
        return [*notes, 'nothing that can be scaled varies: left unchanged']
    wanted = max(meeting.target, xx + meeting.target / meeting.sums) if others else meeting.target
    factor = (sqrt(xf**2 + ff * (wanted - xx)) - xf) / ff
    for branch in able:
        meeting.scale(branch, factor)
    return notes


RULES: dict[str, Callable[[Meeting], Notes]] = {
    'zero': zero,
    'fixup': fixup,
    'balanced': balanced,
}
