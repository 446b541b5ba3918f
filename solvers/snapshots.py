"""Snapshots: the weights and the state of a solver, as files from which it, or BVLC Caffe, resumes.

`<prefix>_iter_<N>.caffemodel` are the weights, `<prefix>_iter_<N>.solverstate` the rest, with the name of the first.
Neither holds the place in the data: a resumed solver reads its data from the start.
"""
from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..netlib.errors import GoodinitError, SolverError
from ..proto import array_to_blob, blob_shape, blob_to_array, read_solver_state, read_weights, write_binary
from ..proto.caffe_pb2 import NetParameter, SolverParameter, SolverState

if TYPE_CHECKING:
    from .solver import Solver


def set_prefix(param: SolverParameter, path: str | Path) -> None:
    """Caffe's rule for a solver read from `path`: the prefix is that path without its suffix if none is given, and the
    file's bare name inside the prefix if that is a folder."""
    if not param.HasField('snapshot_prefix'):
        param.snapshot_prefix = str(Path(path).with_suffix(''))
    elif os.path.isdir(param.snapshot_prefix):
        param.snapshot_prefix = str(Path(param.snapshot_prefix) / Path(path).stem)


def check(param: SolverParameter) -> None:
    """Raises SolverError if snapshots could not be written: no prefix, no such folder, a format that we do not have."""
    prefix = param.snapshot_prefix
    if param.snapshot_format == SolverParameter.HDF5:
        raise _no_hdf5('snapshot_format: HDF5')
    if not prefix:
        raise SolverError('In solver params, snapshot is specified but snapshot_prefix is not')
    folder = os.path.dirname(prefix) or '.'
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise SolverError(f"Cannot write to snapshot prefix '{prefix}'.  "
                          'Make sure that the directory exists and is writeable.')


def write(solver: Solver) -> tuple[str, str]:
    """Write both files, each whole or not at all, the state last; returns their paths. Raises SolverError."""
    check(solver.param)
    base = f'{solver.param.snapshot_prefix}_iter_{solver.iter}'
    weights, path = f'{base}.caffemodel', f'{base}.solverstate'
    solver.net.save(weights, solver.param.snapshot_diff)
    state = SolverState(iter=solver.iter, learned_net=weights, current_step=solver.current_step)
    for blob in solver.history:
        array_to_blob(blob.values.array(), blob=state.history.add())
    write_binary(state, path)
    return weights, path


def restore(solver: Solver, path: str | Path) -> None:
    """Bring the solver to where the .solverstate was written, weights included.

    The weights are read from the path that the state names, or if nothing is there from beside the state.
    Raises SolverError for a file that is missing, damaged, or of another net or solver type.
    """
    if str(path).endswith('.h5'):
        raise _no_hdf5(str(path))
    try:
        state = read_solver_state(path)
        history = _history(solver, state)
        if state.learned_net:
            _restore_weights(solver, _find(state.learned_net, path))
    except GoodinitError as error:
        raise SolverError(f'cannot resume from {path}: {error}') from error
    for blob, values in zip(solver.history, history, strict=True):
        blob.data = values
    solver.iter, solver.current_step = state.iter, state.current_step


def _history(solver: Solver, state: SolverState) -> list[np.ndarray]:
    if len(state.history) != len(solver.history):
        raise SolverError(f'Incorrect length of history blobs. Found {len(state.history)}, but this net with type '
                          f"'{solver.param.type}' has {len(solver.history)}")
    for i, (blob, saved) in enumerate(zip(solver.history, state.history, strict=True)):
        # Files older than 2015 pad every shape to four extents.
        if blob_shape(saved) not in (blob.shape, (1,) * (4 - blob.axes) + blob.shape):
            raise SolverError(f'history blob {i} has shape {blob_shape(saved)}, but this net needs {blob.shape}')
    return [blob_to_array(saved).reshape(blob.shape) for blob, saved in zip(solver.history, state.history, strict=True)]


def _restore_weights(solver: Solver, path: str) -> None:
    saved: NetParameter = read_weights(path)
    lacking = solver.net.params.keys() - {layer.name for layer in saved.layer}
    if lacking:
        raise SolverError(f"{path}: the weights of another net: layer '{min(lacking)}' is missing")
    solver.net.copy_from(saved)


def _find(weights: str, state: str | Path) -> str:
    beside = Path(state).parent / Path(weights).name
    return str(beside) if not os.path.exists(weights) and beside.exists() else weights


def _no_hdf5(what: str) -> SolverError:
    return SolverError(f'{what}: HDF5 snapshots are not supported: write and resume with '
                       'snapshot_format: BINARYPROTO (.caffemodel and .solverstate)')
