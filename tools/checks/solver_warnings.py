"""What is surely a mistake, or without effect, in the fields of a solver that can run."""

from collections.abc import Iterator
from typing import Any

from ...netlib.errors import SolverError
from ...proto.caffe_pb2 import SolverParameter
from ...solvers import rates
from .noting import Noting

RATE_FIELDS = ('gamma', 'power', 'stepsize', 'stepvalue')


def solver_warnings(solver: SolverParameter) -> Iterator[str]:
    """Fields of a solver that have no effect, or surely not the one that was meant."""
    if solver.test_interval and not solver.test_iter:
        yield f'test_interval: found {solver.test_interval}, but no test_iter: nothing is tested'
    if list(solver.stepvalue) != sorted(solver.stepvalue):
        values = ', '.join(map(str, solver.stepvalue))
        yield f'stepvalue: found {values}, needed: in rising order'
    if not solver.HasField('max_iter'):
        yield 'max_iter: needed, the number of iterations; without it there are none'
    yield from rate_warnings(solver)


def rate_warnings(solver: SolverParameter) -> Iterator[str]:
    """Fields of the learning rate: the rate is computed, to see which of them it reads."""
    noting: Any = Noting(solver)
    try:
        rates.check_rates(solver)
        step = rates.next_step(noting, 1, 0)
        rate = rates.rate(noting, 1, max(step, 1))
    except SolverError:
        return
    if rate == 0 and 'gamma' in noting.noted:
        yield (
            f'gamma: found {solver.gamma:g}, needed: more than 0; '
            'the rate is 0 after the first step'
        )
    given = {field.name for field, _ in solver.ListFields()}
    for field in RATE_FIELDS:
        if field in given and field not in noting.noted:
            yield f"{field}: lr_policy '{solver.lr_policy}' does not read it"
