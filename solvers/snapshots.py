"""Snapshots: the weights and the state of a solver, as files from which it, or BVLC Caffe, resumes.

`<prefix>_iter_<N>.caffemodel` has the weights. `.solverstate` has the update rule's history and the
path of the weights. Both end in `.h5` if snapshot_format is HDF5. The third file, `.resume`
(side_file.py), is not Caffe's. With it, a run continues bit for bit as if it had never stopped;
without it, the data start from the beginning, as in Caffe.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..netlib import weights
from ..netlib.blob import Blob
from ..netlib.errors import GoodinitError, ProtoError, SolverError
from ..proto import array_to_blob, blob_shape, blob_to_array, write_binary, written_together
from ..proto.caffe_pb2 import NetParameter, SolverParameter, SolverState
from . import side_file
from .hdf5_state import write_hdf5_state
from .snapshot_files import check_prefix, files_of, is_hdf5, read_state
from .solver_nets import SolverNets
from .state import TrainingState

# -- writing


def write_snapshot(
    param: SolverParameter, nets: SolverNets, state: TrainingState
) -> tuple[str, str]:
    """Write all files, or none on an error; returns the paths of the weights and the state. Raises
    SolverError.

    The side file is put in place first and the state last. A kill in between leaves no state, or an
    older state of the same name that does not match the side file. The first rank writes, once all
    ranks have sent the state of their layers.
    """
    layers = side_file.layers_of(nets)
    suffix = '.h5' if is_hdf5(param) else ''
    base = f'{param.snapshot_prefix}_iter_{state.iter}'
    side = f'{base}.resume'
    model = f'{base}.caffemodel{suffix}'
    path = f'{base}.solverstate{suffix}'
    if nets.ranks.rank:
        return model, path
    check_prefix(param)
    try:
        with written_together([side, model, path]) as (new_side, new_model, new_path):
            nets.train.save(new_model, param.snapshot_diff)
            _write_state(param, state, model, new_path)
            files = [new_model, new_path]
            side_file.write(layers, state.losses, nets.ranks.size, new_side, files)
    except ProtoError as error:
        raise SolverError(
            f'cannot write the snapshot {base}: {_reason(error)}; earlier snapshots are unchanged'
        ) from error
    return model, path


def _write_state(param: SolverParameter, state: TrainingState, model: str, path: str) -> None:
    message = SolverState(iter=state.iter, learned_net=model, current_step=state.current_step)
    for blob in state.history:
        array_to_blob(blob.values.array(), blob=message.history.add())
    write = write_hdf5_state if is_hdf5(param) else write_binary
    write(message, path)


def _reason(error: ProtoError) -> str:
    """The system's error message, if the system caused the error."""
    cause = error.__cause__
    return str(cause.strerror if isinstance(cause, OSError) else error)


# -- reading


def restore_snapshot(
    param: SolverParameter, nets: SolverNets, state: TrainingState, path: str | Path
) -> None:
    """Restore the nets and the state from a .solverstate, including the weights, and the position
    in the data if there is a side file.

    The weights are read from the path in the state or, if that does not exist, from the folder of
    the state. Raises SolverError for a file that is missing, damaged, or from another net or solver
    type.
    """
    try:
        message = read_state(path)
        history = _history(param, state.history, message)
        files = files_of(message, path)
        saved = _weights(nets, files[0]) if message.learned_net else NetParameter()
        document = _read_side_file(nets, path, files)
        nets.train.copy_from(saved)
        for blob, values in zip(state.history, history, strict=True):
            blob.data = values
        state.iter = message.iter
        state.current_step = message.current_step
        state.losses.clear()
        state.resumed = True
        if document:
            side_file.restore(document, nets, state)
    except GoodinitError as error:
        raise SolverError(f'cannot resume from {path}: {error}') from error


def _read_side_file(
    nets: SolverNets, path: str | Path, files: list[str]
) -> side_file.Document | None:
    """The side file of the state at `path`, checked against its files and these nets; None if there
    is no side file."""
    side = side_file.path_of(path)
    if not os.path.exists(side):
        return None
    document = side_file.read(side)
    side_file.check_files(document, side, files)
    side_file.check_layers(document, side, nets)
    return document


def _history(param: SolverParameter, blobs: list[Blob], message: SolverState) -> list[np.ndarray]:
    """The arrays of the history, one for each of the blobs. Raises SolverError if they do not
    fit."""
    if len(message.history) != len(blobs):
        raise SolverError(
            f'Incorrect length of history blobs. Found {len(message.history)}, but this net with '
            f"type '{param.type}' has {len(blobs)}"
        )
    arrays = []
    for i, (blob, saved) in enumerate(zip(blobs, message.history, strict=True)):
        shape = blob_shape(saved)
        padded = (1,) * (4 - blob.axes) + blob.shape  # as in files older than 2015
        if shape not in (blob.shape, padded):
            raise SolverError(
                f'history blob {i} has shape {shape}, but this net needs {blob.shape}'
            )
        arrays.append(blob_to_array(saved).reshape(blob.shape))
    return arrays


def _weights(nets: SolverNets, path: str) -> NetParameter:
    saved = weights.read_weights_file(path)
    names = {layer.name for layer in saved.layer}
    lacking = nets.train.params.keys() - names
    if lacking:
        raise SolverError(f"{path}: the weights of another net: layer '{min(lacking)}' is missing")
    return saved
