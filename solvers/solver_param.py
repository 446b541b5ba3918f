"""The fields of a solver: read, completed and checked before anything is built."""

from __future__ import annotations

from pathlib import Path

from ..netlib.errors import SolverError
from ..proto import read_solver, upgrade_solver
from ..proto.caffe_pb2 import SolverParameter
from .rules import check_rule
from .snapshot_files import check_prefix, set_prefix
from .solver_nets import check_nets
from .update import check_regularization

LEAST = {'iter_size': 1, 'average_loss': 1, 'max_iter': 0, 'display': 0, 'snapshot': 0}


def read_solver_param(source: str | Path | SolverParameter) -> SolverParameter:
    """The SolverParameter from a file, or a copy of the one given, checked and with its snapshot
    prefix completed. Raises SolverError, ProtoError."""
    if isinstance(source, SolverParameter):
        return upgrade_solver(source)
    param = read_solver(source)
    set_prefix(param, source)
    try:
        check_solver_param(param)
    except SolverError as error:
        raise SolverError(f'{source}: {error}') from error
    return param


def check_solver_param(param: SolverParameter) -> None:
    """Raises SolverError, in Caffe's words if it has any, for fields that prevent training."""
    check_rule(param)
    check_nets(param)
    check_regularization(param)
    for field in LEAST:
        check_least(param, field)
    if param.snapshot:
        check_prefix(param)


def check_least(param: SolverParameter, field: str) -> None:
    """Raises SolverError for a number below the limit in LEAST."""
    value = getattr(param, field)
    if value < LEAST[field]:
        bound = '> 0' if LEAST[field] else '>= 0'
        raise SolverError(f'{field} must be {bound}, found {value}')
