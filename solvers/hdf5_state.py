"""BVLC Caffe's SolverState in HDF5: iter, current_step, learned_net, history/0, history/1, ..."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np

from ..netlib.errors import ProtoError, import_extra
from ..proto import array_to_blob, atomic_write, blob_to_array, existing_file
from ..proto.caffe_pb2 import SolverState

COUNTS = ('iter', 'current_step')
# The errors that h5py raises for a file that is not HDF5, is truncated, or has other contents.
UNREADABLE = (
    OSError,
    RuntimeError,
    KeyError,
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
)


def read_hdf5_state(path: str | Path) -> SolverState:
    """Raises ProtoError for a file without such a state, GoodinitError without h5py."""
    h5py = import_extra('h5py', 'data')
    name = existing_file(path)
    try:
        with h5py.File(name, 'r') as file:
            return _message(file)
    except UNREADABLE as error:
        raise ProtoError(f'{name}: not an HDF5 solverstate, or damaged: {error}') from error


def _message(file) -> SolverState:
    state = SolverState()
    for field in COUNTS:
        setattr(state, field, int(file[field][0]))
    state.learned_net = file['learned_net'][()].decode()
    for i in range(len(file['history'])):
        values = file[f'history/{i}'][...].astype(np.float32)
        array_to_blob(values, blob=state.history.add())
    return state


def write_hdf5_state(state: SolverState, path: str | Path) -> None:
    """Raises ProtoError if `path` cannot be written, GoodinitError without h5py."""
    h5py = import_extra('h5py', 'data')
    made = BytesIO()
    with h5py.File(made, 'w') as file:
        for field in COUNTS:
            file[field] = np.array([getattr(state, field)], '<i4')
        name = state.learned_net.encode()
        file['learned_net'] = np.array(name, f'S{len(name) + 1}')  # C needs a final zero
        history = file.create_group('history')
        for i, blob in enumerate(state.history):
            history[str(i)] = blob_to_array(blob).astype('<f4')
    with atomic_write(path) as target:
        target.write(made.getbuffer())
