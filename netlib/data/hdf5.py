"""HDF5 files whose datasets hold one row per sample."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ...proto.files import read_utf8
from ..errors import DataError, ProtoError, import_extra
from ..rng import Rng
from .shuffle import draw_seed, order

Part = tuple[str, list[np.ndarray]]


def read_file_list(source: str) -> list[str]:
    """The files listed in the text file `source`, separated by white space."""
    try:
        files = read_utf8(source).split()
    except ProtoError as error:
        raise DataError(
            f'Failed to open source file: {source} ({error}); needed: the HDF5 files, one per line'
        ) from error
    if not files:
        raise DataError(f'source {source}: is empty; needed: the HDF5 files, one per line')
    return files


def read_datasets(file: str, names: Sequence[str]) -> list[np.ndarray]:
    """The datasets of one file, of any numeric type, all with the same number of rows (at least 1).
    Raises DataError."""
    h5py = import_extra('h5py', 'data')
    if not Path(file).is_file():
        raise DataError(f'Failed opening HDF5 file: {file}: no such file')
    arrays = []
    try:
        with h5py.File(file, 'r') as opened:
            for name in names:
                if not isinstance(opened.get(name), h5py.Dataset):
                    raise DataError(
                        f"Failed to find HDF5 dataset '{name}' in {file}; "
                        f'it has {", ".join(opened)}'
                    )
                arrays.append(opened[name][...])
    except OSError as error:
        raise DataError(f'Failed opening HDF5 file: {file}: {error}') from error
    _check_rows(file, names, arrays)
    return arrays


def _check_rows(file: str, names: Sequence[str], arrays: list[np.ndarray]) -> None:
    rows = {array.shape[:1] for array in arrays}
    if len(rows) > 1 or rows & {(), (0,)}:
        pairs = zip(names, arrays, strict=True)
        found = ', '.join(f'{name} {array.shape}' for name, array in pairs)
        raise DataError(
            f'{file}: datasets must have the same number of rows, and at least 1; found {found}'
        )


class HDF5Reader:
    """Batches of `size` rows, in the order of files and rows, starting over after the last file.

    Each item is a list of (file, the next rows of each dataset), with `size` rows in total. With
    `shuffle`, each epoch reads the files, and the rows within each, in a new order. Only the reader
    draws from `rng`.
    """

    def __init__(
        self,
        files: Sequence[str],
        names: Sequence[str],
        size: int,
        shuffle: bool,
        rng: Rng,
    ):
        self.files = files
        self.names = names
        self.size = size
        self.shuffle = shuffle
        self.rng = rng
        self.loaded = ''  # the file of `columns`
        self.columns = [np.empty(0)]
        # The position: this epoch's seed, the index of the file, the index of the row in the file.
        self.seed = draw_seed(rng)
        self.file = 0
        self.row = 0
        self.rows: np.ndarray | None = None  # the order of the file's rows, once it is loaded

    def __next__(self) -> Callable[[], list[Part]]:
        parts: list[Part] = []
        missing = self.size
        while missing:
            rows = self._load()
            taken = rows[self.row : self.row + missing]
            columns = [column[taken] for column in self.columns]
            parts.append((self.loaded, columns))
            missing -= len(taken)
            self.row += len(taken)
            if self.row >= len(rows):
                self._next_file()
        return lambda: parts

    def _load(self) -> np.ndarray:
        """Load the columns of the current file; returns the order of its rows in this epoch."""
        if self.rows is None:
            seed = self.seed if self.shuffle else None
            files = order(len(self.files), seed)
            file = self.files[files[self.file]]
            if file != self.loaded:
                self.columns = read_datasets(file, self.names)
                self.loaded = file
            seeds = [self.seed, self.file] if self.shuffle else None
            self.rows = order(len(self.columns[0]), seeds)
        return self.rows

    def _next_file(self) -> None:
        self.row = 0
        self.rows = None
        self.file += 1
        if self.file == len(self.files):
            self.file = 0
            self.seed = draw_seed(self.rng)

    def state(self) -> dict:
        return {
            'rng': self.rng.bit_generator.state,
            'seed': self.seed,
            'file': self.file,
            'row': self.row,
        }

    def restore(self, state: dict) -> None:
        self.rng.bit_generator.state = state['rng']
        self.seed = state['seed']
        self.file = state['file']
        self.row = state['row']
        self.rows = None


def write_datasets(file: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write these datasets to an HDF5 file, replacing an existing one. Raises DataError."""
    h5py = import_extra('h5py', 'data')
    try:
        with h5py.File(file, 'w') as made:
            for name, array in arrays.items():
                made[name] = array
    except OSError as error:
        raise DataError(f'Failed opening HDF5 file: {file}: {error}') from error
