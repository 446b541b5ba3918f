"""Finding files to read, and writing files atomically: a reader sees either the old content or all
of the new content."""

import errno
import os
import re
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
UTF16 = (b'\xff\xfe', b'\xfe\xff')  # the byte order marks
# Errors caused by the disk, not by the caller's code.
DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def existing_file(path: Path) -> str:
    """The path as a string. Raises ProtoError for a missing file or a directory."""
    name = os.fspath(path)
    if os.path.isdir(name):
        raise ProtoError(f'{name}: is a directory; needed: a file')
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


def check_not_utf16(data: bytes, path: Path) -> None:
    """Raises ProtoError for the content of a text file in UTF-16, as Windows tools write it."""
    if data.startswith(UTF16) or re.match(rb'([ -~\n\r]\0){4}|(\0[ -~\n\r]){4}', data):
        raise ProtoError(f'{path}: it is text in UTF-16, needed: UTF-8 (save it as UTF-8)')


def read_utf8(path: Path) -> str:
    """The text of a file, without a byte order mark. Raises ProtoError for any encoding other than
    UTF-8."""
    data = read_bytes(path)
    check_not_utf16(data, path)
    try:
        return data.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise ProtoError(f'{path}: it is not text in UTF-8 ({error})') from error


@contextmanager
def atomic_write(path: Path, mode: str = 'wb') -> Iterator[IO[Any]]:
    """A file to write to, which replaces `path` when the block ends without an exception.

    Until then, the data are in a temporary file in the same folder. After any exception, including
    KeyboardInterrupt, that file is removed and `path` is unchanged. A device or pipe (/dev/stdout)
    is written directly. Raises ProtoError if the folder is missing or not writable, or the disk is
    full.
    """
    name = os.path.realpath(path)
    _check_target(name, os.fspath(path))
    is_device = os.path.exists(name) and not os.path.isfile(name)
    if is_device:
        target = name
        writing = _opened(name, mode)
    else:
        target = _temporary(name)
        writing = _replacing(target, name, mode)
    try:
        with writing as file:
            yield file
    except BaseException as error:
        _raise_if_disk(error, target, os.fspath(path))
        raise


@contextmanager
def _opened(name: str, mode: str) -> Iterator[IO[Any]]:
    with open(name, mode, encoding=None if 'b' in mode else 'utf-8') as file:
        yield file


@contextmanager
def _replacing(target: str, name: str, mode: str) -> Iterator[IO[Any]]:
    """The file `target`, which then replaces the file `name`, or is removed after an exception."""
    try:
        with _opened(target, mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _keep_mode(name, target)
        os.replace(target, name)
        _sync_folder(os.path.dirname(name))
    except BaseException:
        with suppress(OSError):
            os.remove(target)
        raise


def _keep_mode(old: Path, new: Path) -> None:
    """Give the new file the mode of the one that it replaces, if there is one."""
    with suppress(OSError):
        os.chmod(new, os.stat(old).st_mode & 0o7777)


def _temporary(name: str) -> str:
    """A new name in the same folder."""
    folder, base = os.path.split(name)
    mark = secrets.token_hex(4)
    return os.path.join(folder, f'.{base}.{mark}.tmp')


@contextmanager
def written_together(paths: Sequence[Path]) -> Iterator[list[str]]:
    """Temporary paths for files that belong together, all in the folder of the first.

    When the block ends without an exception, they are flushed to disk and replace `paths` in this
    order: if the last one is new, all are new. Until then they are in a folder
    .<first name>.<random>.tmp in the same place. Any exception removes it; after a kill,
    `remove_abandoned` does. Raises ProtoError for the folder.
    """
    first = os.path.dirname(paths[0])
    target = os.path.realpath(first or '.')
    names = [os.path.basename(path) for path in paths]
    folder = _temporary(os.path.join(target, names[0]))
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


def _move(names: Sequence[str], folder: str, target: str) -> None:
    """Flush all files to disk, and only then move them to their places, one by one."""
    try:
        for name in names:
            with open(os.path.join(folder, name), 'rb+') as file:
                os.fsync(file.fileno())
        for name in names:
            new = os.path.join(folder, name)
            _keep_mode(os.path.join(target, name), new)
            os.replace(new, os.path.join(target, name))
            _sync_folder(target)
    except OSError as error:
        raise ProtoError(f'cannot write {name} in {target}: {error.strerror}') from error


def remove_abandoned(prefix: Path) -> None:
    """Remove the folders left by a killed `written_together` for first paths that begin with
    `prefix`. Folders in use by a running process stay."""
    parent, start = os.path.split(os.path.realpath(prefix))
    if not os.path.isdir(parent):
        return
    for name in os.listdir(parent):
        folder = os.path.join(parent, name)
        is_ours = name.startswith(f'.{start}') and name.endswith('.tmp')
        if not is_ours or not os.path.isdir(folder):
            continue
        lock = _lock(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Lock the folder until the file descriptor is closed or the process ends.

    None if another process has locked it, if it is gone, or if the system has no such locks.
    """
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
    """Flush the names in a folder to disk, if the system supports that."""
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
        wanted = os.path.dirname(path) or folder
        raise ProtoError(f'cannot write {path}: there is no folder {wanted}')


def _raise_if_disk(error: BaseException, target: str, path: str) -> None:
    """Turns failures of this file into ProtoError; failures of other files belong to the caller's
    code."""
    if not isinstance(error, OSError):
        return
    if error.errno in DISK or error.filename == target:
        raise ProtoError(f'cannot write {path}: {error.strerror}') from error
