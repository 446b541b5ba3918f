"""Finding files to read, and writing files so that a reader sees either the old content or all of
the new."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

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

    Until then the data are in a temporary file beside it; after any exception, KeyboardInterrupt
    too, that file is removed and `path` is as it was. A device or pipe (/dev/stdout) is written
    directly. Raises ProtoError when the folder is missing or not writable, or the disk is full.
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
            _sync_folder(folder)
    except BaseException as error:
        if not direct:
            with suppress(OSError):
                os.remove(temporary)
        _raise_if_disk(error, temporary, os.fspath(path))
        raise


@contextmanager
def written_together(paths: Sequence[Path]) -> Iterator[list[str]]:
    """Where to write files that belong together, all to be in the folder of the first.

    When the block ends without an exception they are brought to the disk and take the places of
    `paths`, in this order: who finds the last one, and it is new, finds all. Until then they are in
    a folder .<first name>.<random>.tmp beside, which any exception removes; a kill leaves it to
    `remove_abandoned`. Raises ProtoError for the folder.
    """
    target = os.path.realpath(os.path.dirname(paths[0]) or '.')
    names = [os.path.basename(path) for path in paths]
    folder = os.path.join(target, f'.{names[0]}.{secrets.token_hex(4)}.tmp')
    try:
        os.mkdir(folder)
    except OSError as error:
        raise ProtoError(f'cannot write {paths[0]}: {error.strerror}') from error
    lock = _lock(folder)
    try:
        yield [os.path.join(folder, name) for name in names]
        _move(names, folder, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _move(names, folder, target):
    try:
        for name in names:
            with open(os.path.join(folder, name), 'rb+') as file:
                os.fsync(file.fileno())
        for name in names:
            os.replace(os.path.join(folder, name), os.path.join(target, name))
            _sync_folder(target)
    except OSError as error:
        raise ProtoError(f'cannot write {name} in {target}: {error.strerror}') from error


def remove_abandoned(prefix: Path) -> None:
    """Remove what `written_together` has left of first paths that begin with `prefix` where it was
    killed; what a living process still writes stays."""
    parent, start = os.path.split(os.path.realpath(prefix))
    for name in os.listdir(parent) if os.path.isdir(parent) else ():
        folder = os.path.join(parent, name)
        ours = name.startswith(f'.{start}') and name.endswith('.tmp') and os.path.isdir(folder)
        if ours and (lock := _lock(folder)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Hold the folder as long as the process lives, or until the file descriptor is closed; None
    where another holds it, or it is gone, or the system has no such locks."""
    if fcntl is None:
        return None
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except OSError:
            os.close(descriptor)
    return None


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system has a way to."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _check_target(name: str, path: str) -> None:
    folder = os.path.dirname(name)
    if os.path.isdir(name):
        raise ProtoError(f'cannot write {path}: it is a directory')
    if not os.path.isdir(folder):
        raise ProtoError(
            f'cannot write {path}: there is no folder {os.path.dirname(path) or folder}'
        )


def _raise_if_disk(error: BaseException, temporary: str, path: str) -> None:
    """ProtoError for the failures of this file; those of other files belong to the caller's code."""
    if isinstance(error, OSError) and (error.errno in DISK or error.filename == temporary):
        raise ProtoError(f'cannot write {path}: {error.strerror}') from error
