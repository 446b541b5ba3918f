"""HDF5 files whose datasets hold one row per sample."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import DataError, import_extra
from .shuffle import draw_seed, order

Part = tuple[str, list[np.ndarray]]


def read_file_list(source: str) -> list[str]:
    """The files that the text file `source` names, separated by white space."""
    try:
        files = Path(source).read_text().split()
    except OSError as error:
        raise DataError(
            f'Failed to open source file: {source} ({error.strerror}); needed: the HDF5 files, one per '
            'line'
        ) from error
    if not files:
        raise DataError(f'source {source}: is empty; needed: the HDF5 files, one per line')
    return files


def read_datasets(file: str, names: Sequence[str]) -> list[np.ndarray]:
    """The datasets of one file, of any type of numbers, each with the same number of rows (at least
    1)."""
    h5py = import_extra('h5py', 'data')
    if not Path(file).is_file():
        raise DataError(f'Failed opening HDF5 file: {file}: no such file')
    try:
        with h5py.File(file, 'r') as opened:
            absent = [name for name in names if not isinstance(opened.get(name), h5py.Dataset)]
            if absent:
                raise DataError(
                    f"Failed to find HDF5 dataset '{absent[0]}' in {file}; it has {', '.join(opened)}"
                )
            arrays = [opened[name][...] for name in names]
    except OSError as error:
        raise DataError(f'Failed opening HDF5 file: {file}: {error}') from error
    rows = [array.shape[0] if array.ndim else 0 for array in arrays]
    if len(set(rows)) > 1 or 0 in rows:
        raise DataError(
            f'{file}: datasets must have as many rows as each other, and at least 1; found '
            f'{", ".join(f"{name} {array.shape}" for name, array in zip(names, arrays, strict=True))}'
        )
    return arrays


class HDF5Reader:
    """Batches of `size` rows: parts of files, in the order of files and rows, and after the last
    file the first.

    Each item is a list of (file, the next rows of each dataset), of `size` rows together. With
    `shuffle` each pass takes the files, and the rows within each, in a new order. `rng` is drawn
    from here and nowhere else.
    """

    def __init__(
        self,
        files: Sequence[str],
        names: Sequence[str],
        size: int,
        shuffle: bool,
        rng: np.random.Generator,
    ):
        self.files, self.names, self.size, self.shuffle, self.rng = files, names, size, shuffle, rng
        self.loaded, self.columns = '', [np.empty(0)]
        self.seed, self.file, self.row = draw_seed(rng), 0, 0
        self.rows: np.ndarray | None = None  # of this file; None before it is looked into

    def __next__(self) -> Callable[[], list[Part]]:
        parts: list[Part] = []
        missing = self.size
        while missing:
            rows = self._load()
            taken = rows[self.row : self.row + missing]
            parts.append((self.loaded, [column[taken] for column in self.columns]))
            missing -= len(taken)
            self.row += len(taken)
            if self.row >= len(rows):
                self._next_file()
        return lambda: parts

    def _load(self) -> np.ndarray:
        """Have the columns of this place's file; returns its rows in this pass's order."""
        if self.rows is None:
            file = self.files[
                order(len(self.files), self.seed if self.shuffle else None)[self.file]
            ]
            if file != self.loaded:
                self.columns, self.loaded = read_datasets(file, self.names), file
            self.rows = order(
                len(self.columns[0]), [self.seed, self.file] if self.shuffle else None
            )
        return self.rows

    def _next_file(self) -> None:
        self.row, self.rows, self.file = 0, None, self.file + 1
        if self.file == len(self.files):
            self.file, self.seed = 0, draw_seed(self.rng)

    def state(self) -> dict:
        return {
            'rng': self.rng.bit_generator.state,
            'seed': self.seed,
            'file': self.file,
            'row': self.row,
        }

    def restore(self, state: dict) -> None:
        self.rng.bit_generator.state = state['rng']
        self.seed, self.file, self.row, self.rows = state['seed'], state['file'], state['row'], None


def write_datasets(file: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Make an HDF5 file of these datasets, in place of what was there."""
    h5py = import_extra('h5py', 'data')
    try:
        with h5py.File(file, 'w') as made:
            for name, array in arrays.items():
                made[name] = array
    except OSError as error:
        raise DataError(f'Failed opening HDF5 file: {file}: {error}') from error
