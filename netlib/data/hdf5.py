"""HDF5 files whose datasets hold one row per sample."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from math import prod
from typing import Any, TypeAlias

import numpy as np

from ...proto import atomic_write
from ...proto.files import read_utf8
from ..checked_hdf5 import LARGE, check_stored, checked_dataset, open_hdf5
from ..errors import DataError, GoodinitError, ProtoError, import_extra
from ..rng import Rng
from ..shapes import Shape
from .shuffle import Order, draw_seed, order

Part = tuple[str, list[np.ndarray]]
Rows: TypeAlias = 'np.ndarray | LargeRows'  # rows by their numbers
WHAT = 'an HDF5 file'
MADE_BY = 'made_by'  # an attribute of what is written here


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


def read_datasets(file: str, names: Sequence[str]) -> list[Rows]:
    """The datasets of one file, of any numeric type, all with the same number of rows (at least 1).
    Large ones are left in the file, and rows of them are read as they are asked for. Raises
    DataError."""
    if not os.path.isfile(file):
        raise DataError(f'Failed opening HDF5 file: {file}: no such file')
    columns: list[Rows] = []
    with open_hdf5(file, DataError, WHAT) as opened:
        for name in names:
            dataset = checked_dataset(opened, name)
            if dataset is None:
                raise DataError(
                    f"Failed to find HDF5 dataset '{name}' in {file}; it has {', '.join(opened)}"
                )
            large = dataset.nbytes > LARGE and dataset.shape
            columns.append(LargeRows(file, name, dataset) if large else dataset[...])
    _check_rows(file, names, columns)
    return columns


class LargeRows:
    """The rows of a dataset that stays in its file."""

    def __init__(self, file: str, name: str, dataset: Any):
        self.file, self.name = file, name
        self.shape: Shape = dataset.shape
        self.dtype: np.dtype = dataset.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """The rows with these numbers. Raises DataError."""
        chosen, places = np.unique(rows, return_inverse=True)
        with open_hdf5(self.file, DataError, WHAT) as opened:
            dataset = checked_dataset(opened, self.name)
            check_stored(dataset, len(chosen) * prod(self.shape[1:]) * self.dtype.itemsize)
            first, end = int(chosen[0]), int(chosen[-1]) + 1
            near = end - first == len(chosen)  # a slice is many times as fast
            return (dataset[first:end] if near else dataset[chosen])[places]


def _check_rows(file: str, names: Sequence[str], arrays: list[Rows]) -> None:
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
        self.columns: list[Rows] = [np.empty(0)]
        # The position: this epoch's seed, the index of the file, the index of the row in the file.
        self.seed = draw_seed(rng)
        self.file = 0
        self.row = 0
        self.rows: Order | None = None  # the order of the file's rows, once it is loaded

    def __next__(self) -> Callable[[], list[Part]]:
        parts: list[Part] = []
        missing = self.size
        while missing:
            rows = self._load()
            taken = np.asarray(rows[self.row : self.row + missing])
            columns = [column[taken] for column in self.columns]
            parts.append((self.loaded, columns))
            missing -= len(taken)
            self.row += len(taken)
            if self.row >= len(rows):
                self._next_file()
        return lambda: parts

    def _load(self) -> Order:
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


def write_datasets(file: str, arrays: Mapping[str, np.ndarray], made_by: str) -> None:
    """Write these datasets to an HDF5 file, all or none, replacing one that `is_made_by` the same.
    Raises DataError."""
    h5py = import_extra('h5py', 'data')
    made = BytesIO()
    with h5py.File(made, 'w') as new:
        new.attrs[MADE_BY] = made_by
        for name, array in arrays.items():
            new[name] = array
    try:
        with atomic_write(file) as target:
            target.write(made.getbuffer())
    except ProtoError as error:
        raise DataError(f'Failed opening HDF5 file: {file}: {error}') from error


def is_made_by(file: str, maker: str) -> bool:
    """Whether `write_datasets` has written a file, for this maker."""
    try:
        with open_hdf5(file, DataError, WHAT) as opened:
            return opened.attrs.get(MADE_BY) == maker
    except GoodinitError:
        return False
