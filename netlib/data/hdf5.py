"""HDF5 files whose datasets hold one row per sample."""
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import DataError, need

Row = tuple[str, list[np.ndarray]]


def read_file_list(source: str) -> list[str]:
    """The files that the text file `source` names, separated by white space."""
    try:
        files = Path(source).read_text().split()
    except OSError as error:
        raise DataError(f'Failed to open source file: {source} ({error.strerror}); needed: the HDF5 files, one per '
                        'line') from error
    if not files:
        raise DataError(f'source {source}: is empty; needed: the HDF5 files, one per line')
    return files


def read_datasets(file: str, names: Sequence[str]) -> list[np.ndarray]:
    """The datasets of one file, of any type of numbers, each with the same number of rows (at least 1)."""
    h5py = need('h5py', 'data')
    if not Path(file).is_file():
        raise DataError(f'Failed opening HDF5 file: {file}: no such file')
    try:
        with h5py.File(file, 'r') as opened:
            absent = [name for name in names if not isinstance(opened.get(name), h5py.Dataset)]
            if absent:
                raise DataError(f"Failed to find HDF5 dataset '{absent[0]}' in {file}; it has {', '.join(opened)}")
            arrays = [opened[name][...] for name in names]
    except OSError as error:
        raise DataError(f'Failed opening HDF5 file: {file}: {error}') from error
    rows = [array.shape[0] if array.ndim else 0 for array in arrays]
    if len(set(rows)) > 1 or 0 in rows:
        raise DataError(f'{file}: datasets must have as many rows as each other, and at least 1; found '
                        f"{', '.join(f'{name} {array.shape}' for name, array in zip(names, arrays, strict=True))}")
    return arrays


def rows_of(files: Sequence[str], names: Sequence[str], rng: np.random.Generator | None = None) -> Iterator[Row]:
    """Without end: (file, its next row of each dataset), in the order of files and rows.

    With `rng`, in a new random order of the files, and of the rows within each, for each pass. A single file is read
    once.
    """
    arrays = read_datasets(files[0], names) if len(files) == 1 else None
    while True:
        for k in range(len(files)) if rng is None else rng.permutation(len(files)):
            columns = arrays or read_datasets(files[k], names)
            n = len(columns[0])
            for i in range(n) if rng is None else rng.permutation(n):
                yield files[k], [column[i] for column in columns]


def write_datasets(file: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Make an HDF5 file of these datasets, in place of what was there."""
    h5py = need('h5py', 'data')
    try:
        with h5py.File(file, 'w') as made:
            for name, array in arrays.items():
                made[name] = array
    except OSError as error:
        raise DataError(f'Failed opening HDF5 file: {file}: {error}') from error
