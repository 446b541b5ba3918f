"""The learning rate of an iteration, by Caffe's policies: pure functions of the SolverParameter and
the iteration.

A rate depends on nothing that was computed before, but for `multistep`, which counts the stepvalues
it has passed.
"""

from collections.abc import Callable
from math import exp, isfinite, nan

from ..netlib.errors import SolverError, did_you_mean
from ..proto.caffe_pb2 import SolverParameter

# base_lr is multiplied by: (the solver, the iteration from 0, the steps taken so far) -> factor.
POLICIES: dict[str, Callable[[SolverParameter, int, int], float]] = {
    'fixed': lambda solver, i, step: 1.0,
    'step': lambda solver, i, step: solver.gamma**step,
    'exp': lambda solver, i, step: solver.gamma**i,
    'inv': lambda solver, i, step: (1 + solver.gamma * i) ** -solver.power,
    'multistep': lambda solver, i, step: solver.gamma**step,
    'poly': lambda solver, i, step: max(1 - i / solver.max_iter, 0) ** solver.power,
    'sigmoid': lambda solver, i, step: _sigmoid(solver.gamma * (i - solver.stepsize)),
}
POSITIVE = {'step': 'stepsize', 'poly': 'max_iter'}  # what a policy divides by


def rate(solver: SolverParameter, iteration: int, current_step: int = 0) -> float:
    """The rate of an iteration, counted from 0; `step` and `multistep` read the `next_step` of it.

    Past max_iter, `poly` stays at 0 (Caffe's leaves the real numbers). Raises SolverError for a
    rate that is none.
    """
    try:
        value = solver.base_lr * POLICIES[solver.lr_policy](solver, iteration, current_step)
    except ArithmeticError:
        value = nan
    if isinstance(value, complex) or not isfinite(value):
        raise SolverError(
            f"lr_policy '{solver.lr_policy}' gives no finite rate at iteration {iteration}: "
            f'base_lr {solver.base_lr:g}, gamma {solver.gamma:g}, power {solver.power:g}'
        )
    return value


def next_step(solver: SolverParameter, iteration: int, current_step: int) -> int:
    """How many steps `step` and `multistep` have taken in this iteration, from how many there were
    in the last one.

    As in Caffe `multistep` takes at most one per iteration: of two equal stepvalues the second
    takes effect an iteration later. A .solverstate keeps the number.
    """
    if solver.lr_policy == 'step':
        return iteration // solver.stepsize
    values = solver.stepvalue if solver.lr_policy == 'multistep' else ()
    return current_step + (current_step < len(values) and iteration >= values[current_step])


def check(solver: SolverParameter) -> None:
    """Raises SolverError for an unknown policy, or one whose fields cannot give a rate."""
    policy = solver.lr_policy
    if policy not in POLICIES:
        raise SolverError(
            f'Unknown learning rate policy: {policy or "(no lr_policy given)"}{did_you_mean(policy, POLICIES)} '
            f'(known policies: {", ".join(POLICIES)})'
        )
    field = POSITIVE.get(policy)
    if field and getattr(solver, field) <= 0:
        raise SolverError(f"lr_policy '{policy}' needs {field} > 0, found {getattr(solver, field)}")


def _sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))
