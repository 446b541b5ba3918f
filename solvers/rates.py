"""The learning rate of an iteration, by Caffe's policies: pure functions of the SolverParameter and
the iteration.

A rate depends on nothing that was computed before, except for `multistep`, which counts the
stepvalues it has passed.
"""

from collections.abc import Callable
from math import exp, isfinite, nan
from typing import NamedTuple

from ..netlib.errors import SolverError, did_you_mean
from ..proto.caffe_pb2 import SolverParameter

# The factor of base_lr, from the solver, the iteration (from 0) and the steps taken so far.
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
    """The learning rate of an iteration, counted from 0. `current_step`, from `next_step`, is used
    by `step` and `multistep`.

    In the first warmup_iter iterations (Intel's name; NVIDIA's is rampup_interval) it rises in a
    straight line from warmup_start_lr (rampup_lr) to base_lr; NVIDIA's fork from 0.17 on squares
    the line. No rate is below NVIDIA's min_lr, to which `poly` falls.

    Past max_iter, `poly` stays there (Caffe's may become NaN). Raises SolverError for a rate that
    is not finite.
    """
    warmup = _warmup(solver)
    if iteration < warmup.iterations:
        rising = warmup.first + (solver.base_lr - warmup.first) * iteration / warmup.iterations
        return _at_least(solver.min_lr, rising)
    try:
        value = _by_policy(solver, iteration, current_step)
    except ArithmeticError:
        value = nan
    if isinstance(value, complex) or not isfinite(value):
        raise SolverError(
            f"lr_policy '{solver.lr_policy}' gives no finite rate at iteration {iteration}: "
            f'base_lr {solver.base_lr:g}, gamma {solver.gamma:g}, power {solver.power:g}'
        )
    return _at_least(solver.min_lr, value)


def _by_policy(solver: SolverParameter, iteration: int, current_step: int) -> float:
    """The rate after the warm-up, which may be complex, or not finite."""
    factor = POLICIES[solver.lr_policy](solver, iteration, current_step)
    if solver.lr_policy == 'poly':
        return solver.min_lr + (solver.base_lr - solver.min_lr) * factor
    return solver.base_lr * factor


def _at_least(least: float, rate: float) -> float:
    """The rate, or the least one. Without a least one, a rate may be negative."""
    return max(rate, least) if least else rate


class Warmup(NamedTuple):
    """The iterations in which the rate rises, and the first rate."""

    iterations: int
    first: float


def _warmup(solver: SolverParameter) -> Warmup:
    if solver.rampup_interval:
        return Warmup(solver.rampup_interval, solver.rampup_lr)
    return Warmup(solver.warmup_iter, solver.warmup_start_lr)


def next_step(solver: SolverParameter, iteration: int, current_step: int) -> int:
    """The number of steps that `step` and `multistep` have taken by this iteration; `current_step`
    is the number by the previous iteration. A .solverstate stores it.

    As in Caffe `multistep` takes at most one per iteration: of two equal stepvalues the second
    takes effect an iteration later.
    """
    if solver.lr_policy == 'step':
        return iteration // solver.stepsize
    values = solver.stepvalue if solver.lr_policy == 'multistep' else ()
    is_due = current_step < len(values) and iteration >= values[current_step]
    return current_step + is_due


def check_rates(solver: SolverParameter) -> None:
    """Raises SolverError for an unknown policy, or for invalid fields of a policy."""
    if solver.warmup_iter and solver.rampup_interval:
        raise SolverError('warmup_iter and rampup_interval mean the same: give one of them')
    if solver.min_lr < 0:
        raise SolverError(f'min_lr must be >= 0, found {solver.min_lr:g}')
    policy = solver.lr_policy
    if policy not in POLICIES:
        name = policy or '(no lr_policy given)'
        raise SolverError(
            f'Unknown learning rate policy: {name}{did_you_mean(policy, POLICIES)} '
            f'(known policies: {", ".join(POLICIES)})'
        )
    field = POSITIVE.get(policy)
    divisor = getattr(solver, field) if field else 1
    if divisor <= 0:
        raise SolverError(f"lr_policy '{policy}' needs {field} > 0, found {divisor}")


def _sigmoid(x: float) -> float:
    if x >= 0:
        return 1 / (1 + exp(-x))
    return exp(x) / (1 + exp(x))
