"""NumPy's .npy and .npz files that anyone may have written: a header is compared with what follows
it before memory is taken, and nothing is unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from ..proto import existing_file
from .errors import GoodinitError, reason

READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
MOST_AXES = 32
# Members of an .npz above this size must not be packed more densely than numbers can be.
LARGE = 256 << 20
MOST_PACKED = 200


class ArrayFileError(GoodinitError):
    """A file that holds no arrays, or is damaged. The message does not name the file."""


def read_npy(path: str | Path, mapped: bool = False) -> np.ndarray:
    """The array of an .npy file; `mapped` into memory, to be read as it is used. Raises
    ArrayFileError, ProtoError."""
    name = existing_file(path)
    try:
        with open(name, 'rb') as file:
            check_header(file, Path(name).stat().st_size)
            return npy.read_array(file) if not mapped else npy.open_memmap(name, 'r')
    except GoodinitError:
        raise
    except Exception as error:  # numpy has no error of its own for damage
        raise ArrayFileError(reason(error)) from error


class Npz(Mapping[str, np.ndarray]):
    """The arrays of an .npz file by name, each read when it is asked for. Raises ArrayFileError,
    ProtoError."""

    def __init__(self, path: str | Path):
        self.path = existing_file(path)
        try:
            with zipfile.ZipFile(self.path) as file:
                self.names = [name.removesuffix('.npy') for name in file.namelist()]
        except Exception as error:  # zipfile's, struct's, the system's
            raise ArrayFileError(reason(error)) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.names:
            raise KeyError(name)
        try:
            return self._read(f'{name}.npy')
        except GoodinitError as error:
            raise ArrayFileError(f"'{name}': {error}") from error
        except Exception as error:  # zipfile's, zlib's, numpy's
            raise ArrayFileError(f"'{name}': {reason(error)}") from error

    def _read(self, member: str) -> np.ndarray:
        with zipfile.ZipFile(self.path) as file:
            info = file.getinfo(member)
            size = info.file_size
            if size > max(LARGE, MOST_PACKED * info.compress_size):
                raise ArrayFileError(
                    f'{info.compress_size} bytes unpack to {size}; unpack it first'
                )
            with file.open(member) as stream:
                check_header(stream, size)
            with file.open(member) as stream:
                return npy.read_array(stream)


def check_header(stream: IO[bytes], size: int) -> None:
    """Raises ArrayFileError unless the header at the start of a stream describes numbers or text
    that fit into its `size` bytes. A file is then back at its start."""
    version = npy.read_magic(stream)
    if version not in READERS:
        raise ArrayFileError(f'unknown version {version} of the format')
    shape, _, dtype = READERS[version](stream)
    if dtype.hasobject:
        raise ArrayFileError('it holds Python objects; needed: numbers')
    needed = prod(shape) * dtype.itemsize
    if needed > size or len(shape) > MOST_AXES or min(shape, default=0) < 0:
        raise ArrayFileError(f'its header says {shape} of {dtype}, but it has {size} bytes')
    if isinstance(stream, zipfile.ZipExtFile):
        return
    stream.seek(0)


def is_numeric(array: Any) -> bool:
    """Whether an array holds real numbers."""
    return array.dtype.kind in 'biuf'
