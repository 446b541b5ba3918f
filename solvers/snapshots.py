"""Snapshots: the weights and the state of a solver, as files from which it, or BVLC Caffe, resumes.

`<prefix>_iter_<N>.caffemodel` are the weights, `.solverstate` the update rule's history with the
name of the first; both with `.h5` where snapshot_format is HDF5. `.resume` beside them
(side_file.py) is not Caffe's: with it a run goes on bit by bit as if it had never stopped; without
it its data begin anew, as in Caffe.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..netlib import Net, weights
from ..netlib.errors import GoodinitError, ProtoError, SolverError, import_extra
from ..proto import (
    array_to_blob,
    blob_shape,
    blob_to_array,
    existing_file,
    read_solver_state,
    remove_abandoned,
    write_binary,
    written_together,
)
from ..proto.caffe_pb2 import NetParameter, SolverParameter, SolverState
from . import hdf5_state, side_file

if TYPE_CHECKING:
    from .solver import Solver


def set_prefix(param: SolverParameter, path: str | Path) -> None:
    """Caffe's rule for a solver read from `path`: the prefix is that path without its suffix if
    none is given, and the file's bare name inside the prefix if that is a folder."""
    if not param.HasField('snapshot_prefix'):
        param.snapshot_prefix = str(Path(path).with_suffix(''))
    elif os.path.isdir(param.snapshot_prefix):
        param.snapshot_prefix = str(Path(param.snapshot_prefix) / Path(path).stem)


def check(param: SolverParameter) -> None:
    """Raises GoodinitError if snapshots could not be written: no prefix, no such folder, no package
    for HDF5."""
    prefix = param.snapshot_prefix
    if not prefix:
        raise SolverError('In solver params, snapshot is specified but snapshot_prefix is not')
    folder = os.path.dirname(prefix) or '.'
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise SolverError(
            f"Cannot write to snapshot prefix '{prefix}'.  "
            'Make sure that the directory exists and is writeable.'
        )
    if is_hdf5(param):
        import_extra('h5py', 'data')


def check_net(param: SolverParameter, net: Net) -> None:
    """Raises LayerError for a net that the format cannot hold."""
    if is_hdf5(param):
        weights.check_save(net, f'{param.snapshot_prefix}.caffemodel.h5')


def is_hdf5(param: SolverParameter) -> bool:
    """Whether snapshots are HDF5 files."""
    return param.snapshot_format == SolverParameter.HDF5


# -- writing


def write(solver: Solver) -> tuple[str, str]:
    """Write all files, or on an error none; returns the paths of the weights and the state. Raises
    SolverError.

    The state takes its place last, the side file first: a kill in between leaves no state, or an
    older one of the same name, to which the side file does not belong. Of several ranks the first
    writes, once all have told their state.
    """
    layers = side_file.layers_of(solver)
    suffix = '.h5' if is_hdf5(solver.param) else ''
    base = f'{solver.param.snapshot_prefix}_iter_{solver.iter}'
    side, model, path = (
        f'{base}.resume',
        f'{base}.caffemodel{suffix}',
        f'{base}.solverstate{suffix}',
    )
    if solver.ranks.rank:
        return model, path
    check(solver.param)
    try:
        with written_together([side, model, path]) as (new_side, new_model, new_path):
            solver.net.save(new_model, solver.param.snapshot_diff)
            _write_state(solver, model, new_path)
            side_file.write(solver, layers, new_side, [new_model, new_path])
    except ProtoError as error:
        reason = error.__cause__.strerror if isinstance(error.__cause__, OSError) else error
        raise SolverError(
            f'cannot write the snapshot {base}: {reason}; those before it are as they were'
        ) from error
    return model, path


def _write_state(solver: Solver, model: str, path: str) -> None:
    state = SolverState(iter=solver.iter, learned_net=model, current_step=solver.current_step)
    for blob in solver.history:
        array_to_blob(blob.values.array(), blob=state.history.add())
    (hdf5_state.write if is_hdf5(solver.param) else write_binary)(state, path)


# -- reading


def restore(solver: Solver, path: str | Path) -> None:
    """Bring the solver to where the .solverstate was written, weights included, and its data if
    there is a side file.

    The weights are read from the path that the state names, or if nothing is there from beside the
    state. Raises SolverError for a file that is missing, damaged, or of another net or solver type.
    """
    try:
        state = read_state(path)
        history = _history(solver, state)
        files = _files(state, path)
        saved = _weights(solver, files[0]) if state.learned_net else NetParameter()
        side = side_file.path_of(path)
        document = side_file.read(side) if os.path.exists(side) else None
        if document:
            side_file.check(document, side, files)
            side_file.check_nets(document, side, solver)
        solver.net.copy_from(saved)
        for blob, values in zip(solver.history, history, strict=True):
            blob.data = values
        solver.iter, solver.current_step = state.iter, state.current_step
        solver.losses.clear()
        solver.resumed = True
        if document:
            side_file.restore(document, solver)
    except GoodinitError as error:
        raise SolverError(f'cannot resume from {path}: {error}') from error


def read_state(path: str | Path) -> SolverState:
    """The message of a .solverstate, or of a .solverstate.h5. Raises ProtoError."""
    return hdf5_state.read(path) if str(path).endswith('.h5') else read_solver_state(path)


def _files(state: SolverState, path: str | Path) -> list[str]:
    """The weights and the state: the weights where the state says, or beside it."""
    beside = Path(path).parent / Path(state.learned_net).name
    there = not os.path.exists(state.learned_net) and beside.exists()
    return [str(beside) if there else state.learned_net, str(path)]


def _history(solver: Solver, state: SolverState) -> list[np.ndarray]:
    if len(state.history) != len(solver.history):
        raise SolverError(
            f'Incorrect length of history blobs. Found {len(state.history)}, but this net with type '
            f"'{solver.param.type}' has {len(solver.history)}"
        )
    for i, (blob, saved) in enumerate(zip(solver.history, state.history, strict=True)):
        # Files older than 2015 pad every shape to four extents.
        if blob_shape(saved) not in (blob.shape, (1,) * (4 - blob.axes) + blob.shape):
            raise SolverError(
                f'history blob {i} has shape {blob_shape(saved)}, but this net needs {blob.shape}'
            )
    return [
        blob_to_array(saved).reshape(blob.shape)
        for blob, saved in zip(solver.history, state.history, strict=True)
    ]


def _weights(solver: Solver, path: str) -> NetParameter:
    saved = weights.read_weights_file(path)
    lacking = solver.net.params.keys() - {layer.name for layer in saved.layer}
    if lacking:
        raise SolverError(f"{path}: the weights of another net: layer '{min(lacking)}' is missing")
    return saved


# -- finding


def clean(prefix: str) -> None:
    """Remove what killed processes have left of unfinished snapshots of this prefix."""
    remove_abandoned(f'{prefix}_iter_')


def find_last(prefix: str) -> tuple[str, list[str]]:
    """The .solverstate of the prefix with the highest iteration whose files are all there, whole,
    and belong together, or '' where there is none; and a line on each that was passed over, with
    what is wrong with it."""
    start = Path(prefix)
    name = re.compile(re.escape(start.name) + r'_iter_(\d+)\.solverstate(\.h5)?')
    found = [
        (int(match[1]), str(path))
        for path in start.parent.glob('*')
        if (match := name.fullmatch(path.name))
    ]
    passed: list[str] = []
    for _, path in sorted(found, reverse=True):
        try:
            _check_complete(path)
            return path, passed
        except GoodinitError as error:
            passed.append(f'{path} is passed over: {error}')
    return '', passed


def _check_complete(path: str) -> None:
    state, side = read_state(path), side_file.path_of(path)
    files = _files(state, path)
    if os.path.exists(side):
        side_file.check(side_file.read(side), side, files)
    elif state.learned_net:
        weights.read_weights_file(existing_file(files[0]))
