"""The files of snapshots: their names, the contents of a state, and the last complete one."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..netlib import Net, weights
from ..netlib.errors import GoodinitError, SolverError, import_extra
from ..proto import existing_file, read_solver_state, remove_abandoned
from ..proto.caffe_pb2 import SolverParameter, SolverState
from . import side_file
from .hdf5_state import read_hdf5_state


def set_prefix(param: SolverParameter, path: str | Path) -> None:
    """Caffe's rule for a solver read from `path`.

    Without a snapshot_prefix, it is that path without its suffix. If the prefix is a folder,
    snapshots are written there, under the file's stem.
    """
    if not param.HasField('snapshot_prefix'):
        param.snapshot_prefix = str(Path(path).with_suffix(''))
    elif os.path.isdir(param.snapshot_prefix):
        folder = Path(param.snapshot_prefix)
        param.snapshot_prefix = str(folder / Path(path).stem)


def check_prefix(param: SolverParameter) -> None:
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


def check_format(param: SolverParameter, net: Net) -> None:
    """Raises LayerError for a net that the format of the snapshots cannot store."""
    if is_hdf5(param):
        weights.check_save(net, f'{param.snapshot_prefix}.caffemodel.h5')


def is_hdf5(param: SolverParameter) -> bool:
    """Whether snapshots are HDF5 files."""
    return param.snapshot_format == SolverParameter.HDF5


def read_state(path: str | Path) -> SolverState:
    """The message of a .solverstate, or of a .solverstate.h5. Raises GoodinitError."""
    other = f'{path}.h5'
    if os.path.exists(other) and not os.path.exists(path):
        raise SolverError(f'File not found: {path}; there is {other}')
    if str(path).endswith('.h5'):
        return read_hdf5_state(path)
    return read_solver_state(path)


def files_of(state: SolverState, path: str | Path) -> list[str]:
    """The weights and the state of a snapshot whose state is at `path`.

    The weights are at the path in the state or, if that does not exist, next to the state.
    """
    named = state.learned_net
    beside = Path(path).parent / Path(named).name
    if not os.path.exists(named) and os.path.exists(beside):
        return [str(beside), str(path)]
    return [named, str(path)]


def remove_unfinished(prefix: str) -> None:
    """Remove unfinished snapshots with this prefix left by killed processes."""
    remove_abandoned(f'{prefix}_iter_')


def find_last(prefix: str) -> tuple[str, list[str]]:
    """The last usable .solverstate with the prefix, or ''; and a line about each skipped state.

    It is the one with the highest iteration whose files exist, are complete, and belong together.
    """
    passed: list[str] = []
    for _, path in sorted(_states(prefix), reverse=True):
        try:
            _check_complete(path)
            return path, passed
        except GoodinitError as error:
            passed.append(f'skipping {path}: {error}')
    return '', passed


def _states(prefix: str) -> list[tuple[int, str]]:
    """The iteration and the path of every .solverstate of the prefix."""
    start = Path(prefix)
    name = re.compile(re.escape(start.name) + r'_iter_(\d+)\.solverstate(\.h5)?')
    found = []
    for path in start.parent.glob('*'):
        match = name.fullmatch(path.name)
        if match:
            found.append((int(match[1]), str(path)))
    return found


def _check_complete(path: str) -> None:
    state = read_state(path)
    files = files_of(state, path)
    side = side_file.path_of(path)
    if os.path.exists(side):
        side_file.check_files(side_file.read(side), side, files)
    elif state.learned_net:
        weights.read_weights_file(existing_file(files[0]))
