"""A SolverState as BVLC Caffe keeps it in HDF5: iter, current_step, learned_net, history/0,
history/1, ..."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np

from ..netlib.errors import ProtoError, import_extra
from ..proto import array_to_blob, atomic_write, blob_to_array, existing_file
from ..proto.caffe_pb2 import SolverState


def read(path: str | Path) -> SolverState:
    """Raises ProtoError for what is no such file, GoodinitError without h5py."""
    h5py = import_extra('h5py', 'data')
    name = existing_file(path)
    out = SolverState()
    try:
        with h5py.File(name, 'r') as file:
            out.iter, out.current_step = (int(file[key][0]) for key in ('iter', 'current_step'))
            out.learned_net = file['learned_net'][()].decode()
            for i in range(len(file['history'])):
                array_to_blob(file[f'history/{i}'][...].astype(np.float32), blob=out.history.add())
    except (
        OSError,
        RuntimeError,
        KeyError,
        IndexError,
        ValueError,
        TypeError,
        AttributeError,
    ) as error:
        raise ProtoError(f'{name}: not an HDF5 solverstate, or damaged: {error}') from error
    return out


def write(state: SolverState, path: str | Path) -> None:
    """Raises ProtoError where `path` cannot be written, GoodinitError without h5py."""
    h5py = import_extra('h5py', 'data')
    made = BytesIO()
    with h5py.File(made, 'w') as file:
        for field in ('iter', 'current_step'):
            file[field] = np.array([getattr(state, field)], '<i4')
        name = state.learned_net.encode()
        file['learned_net'] = np.array(name, f'S{len(name) + 1}')  # C reads it up to the final zero
        history = file.create_group('history')
        for i, blob in enumerate(state.history):
            history[str(i)] = blob_to_array(blob).astype('<f4')
    with atomic_write(path) as target:
        target.write(made.getbuffer())
