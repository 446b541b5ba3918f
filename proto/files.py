"""Finding files to read, and writing files so that a reader sees either the old content or all of the new."""
import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from .errors import ProtoError

Path = str | os.PathLike[str]
# What the disk says when it, and not the caller's code, is the reason.
DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def existing_file(path: Path) -> str:
    """The path as a string. Raises ProtoError for a missing file or a directory."""
    name = os.fspath(path)
    if os.path.isdir(name):
        raise ProtoError(f'{name}: a directory, where a file is needed')
    if not os.path.exists(name):
        place = '' if os.path.isabs(name) else f' (looked in {os.getcwd()})'
        raise ProtoError(f'File not found: {name}{place}')
    return name


def read_bytes(path: Path) -> bytes:
    """The content of a file. Raises ProtoError."""
    name = existing_file(path)
    try:
        with open(name, 'rb') as file:
            return file.read()
    except OSError as error:
        raise ProtoError(f'{name}: cannot read: {error.strerror}') from error


@contextmanager
def atomic_write(path: Path, mode: str = 'wb') -> Iterator[IO[Any]]:
    """A file to write to, which takes the place of `path` when the block ends without an exception.

    Until then the data are in a temporary file beside it; after any exception, KeyboardInterrupt too, that
    file is removed and `path` is as it was. A device or pipe (/dev/stdout) is written directly. Raises
    ProtoError when the folder is missing or not writable, or the disk is full.
    """
    name = os.path.realpath(path)
    direct = os.path.exists(name) and not os.path.isfile(name)
    _check_target(name, os.fspath(path))
    folder, base = os.path.split(name)
    temporary = name if direct else os.path.join(folder, f'.{base}.{secrets.token_hex(4)}.tmp')
    try:
        with open(temporary, mode, encoding=None if 'b' in mode else 'utf-8') as file:
            yield file
            file.flush()
            if not direct:
                os.fsync(file.fileno())
        if not direct:
            os.replace(temporary, name)
    except BaseException as error:
        if not direct:
            with suppress(OSError):
                os.remove(temporary)
        _raise_if_disk(error, temporary, os.fspath(path))
        raise


def _check_target(name: str, path: str) -> None:
    folder = os.path.dirname(name)
    if os.path.isdir(name):
        raise ProtoError(f'cannot write {path}: it is a directory')
    if not os.path.isdir(folder):
        raise ProtoError(f'cannot write {path}: there is no folder {os.path.dirname(path) or folder}')


def _raise_if_disk(error: BaseException, temporary: str, path: str) -> None:
    """ProtoError for the failures of this file; those of other files belong to the caller's code."""
    if isinstance(error, OSError) and (error.errno in DISK or error.filename == temporary):
        raise ProtoError(f'cannot write {path}: {error.strerror}') from error
