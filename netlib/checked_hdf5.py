"""Opening HDF5 files that anyone may have written: they are read as arrays of numbers in one file,
and never lead to another one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..proto import existing_file
from .errors import GoodinitError, import_extra

NUMBERS = 'fiub'  # kinds of NumPy's types
LARGE = 1 << 28  # bytes from which on a dataset must be credible
DENSEST = 1100  # times: what gzip makes of zeros, and a little more


@contextmanager
def open_hdf5(path: Any, kind: type[GoodinitError], what: str) -> Iterator[Any]:
    """The h5py.File at `path`, to read. Whatever else h5py raises in the block becomes an error of
    this kind, which says that the file is not `what`. Raises ProtoError for a missing file,
    GoodinitError without h5py."""
    h5py = import_extra('h5py', 'data')
    name = existing_file(path)
    try:
        with h5py.File(name, 'r') as file:
            yield file
    except GoodinitError as error:
        raise (kind(str(error)) if type(error) is GoodinitError else error) from error.__cause__
    except MemoryError as error:
        raise kind(f'{name}: needs more memory than is free: {error}') from error
    except Exception as error:  # h5py has no error of its own for damage
        raise kind(f'{name}: not {what}, or damaged: {error}') from error


def item_at(file: Any, path: str) -> Any:
    """The group or dataset at a path of names, None if there is none. Raises GoodinitError for a
    path that goes through a link, to another place or another file."""
    h5py = import_extra('h5py', 'data')
    item = file
    for name in filter(None, path.split('/')):
        if not isinstance(item, h5py.Group):
            return None
        link = item.get(name, getlink=True)
        if isinstance(link, h5py.SoftLink | h5py.ExternalLink):
            raise GoodinitError(
                f"{file.file.filename}: '{path}' is a link; needed: the dataset itself, in this "
                'file (h5copy makes one)'
            )
        if link is None:
            return None
        item = item[name]
    return item


def checked_dataset(file: Any, path: str) -> Any:
    """The dataset of numbers at a path; None if there is none. Raises GoodinitError for one that
    holds anything else, or whose numbers are stored in another file."""
    h5py = import_extra('h5py', 'data')
    item = item_at(file, path)
    if not isinstance(item, h5py.Dataset):
        return None
    refuse_other_files(item)
    if item.dtype.kind not in NUMBERS or item.shape is None:
        raise GoodinitError(f'{_about(item)} holds {item.dtype}; needed: numbers')
    return item


def refuse_other_files(dataset: Any) -> None:
    """Raises GoodinitError for a dataset whose values are stored in another file."""
    if dataset.external or dataset.is_virtual:
        raise GoodinitError(
            f'{_about(dataset)} is stored in another file; needed: its numbers in this one'
        )


def _about(dataset: Any) -> str:
    return f"{dataset.file.filename}: dataset '{dataset.name}'"


def read_numbers(dataset: Any) -> np.ndarray:
    """All numbers of a dataset. Raises GoodinitError for one that declares far more of them than
    are stored."""
    check_stored(dataset, dataset.nbytes)
    return dataset[...]


def check_stored(dataset: Any, wanted: int) -> None:
    """Raises GoodinitError if `wanted` bytes of a dataset are more than those stored can be."""
    stored = dataset.id.get_storage_size()
    if wanted > LARGE and dataset.nbytes > DENSEST * stored:
        raise GoodinitError(
            f'{_about(dataset)} declares {dataset.nbytes} bytes, but stores {stored}'
        )
