"""BVLC Caffe's SolverState in HDF5: iter, current_step, learned_net, history/0, history/1, ..."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from ..netlib.checked_hdf5 import (
    checked_dataset,
    item_at,
    open_hdf5,
    read_numbers,
    refuse_other_files,
)
from ..netlib.errors import ProtoError, import_extra
from ..proto import array_to_blob, atomic_write, blob_to_array
from ..proto.caffe_pb2 import SolverState

COUNTS = ('iter', 'current_step')
MOST_STEPS = 2**31 - 1
WHAT = 'an HDF5 solverstate'


def read_hdf5_state(path: str | Path) -> SolverState:
    """Raises ProtoError for a file without such a state, GoodinitError without h5py."""
    with open_hdf5(path, ProtoError, WHAT) as file:
        return _message(file)


def _message(file: Any) -> SolverState:
    state = SolverState()
    for field in COUNTS:
        value = int(_array(file, field)[0])
        if not 0 <= value <= MOST_STEPS:
            raise ProtoError(f"{file.filename}: '{field}' is {value}, needed: 0 to {MOST_STEPS}")
        setattr(state, field, value)
    state.learned_net = _text(file, 'learned_net')
    history = item_at(file, 'history')
    for i in range(len(history)):
        values = _array(file, f'history/{i}').astype(np.float32)
        array_to_blob(values, blob=state.history.add())
    return state


def _array(file: Any, name: str) -> np.ndarray:
    dataset = checked_dataset(file, name)
    if dataset is None:
        raise ProtoError(f"{file.filename}: not {WHAT}, or damaged: it has no dataset '{name}'")
    return read_numbers(dataset)


def _text(file: Any, name: str) -> str:
    """A string of fixed length."""
    dataset = item_at(file, name)
    if dataset is None or dataset.dtype.kind != 'S' or dataset.shape:
        raise ProtoError(f"{file.filename}: not {WHAT}, or damaged: it has no string '{name}'")
    refuse_other_files(dataset)
    return dataset[()].decode()


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
