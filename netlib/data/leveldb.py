"""LevelDB folders, read and written."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from ..errors import DataError, import_extra
from .pairs import Database, InUse, Pair, Writer

# Caffe's settings, in bytes.
BLOCK_SIZE = 1 << 16
WRITE_BUFFER = 1 << 28


class LevelDB(Database):
    """A LevelDB, opened in place, as in Caffe.

    Opening a LevelDB changes its files: it starts a new log and manifest, and only one process at a
    time may have it open. A read-only folder is left unchanged: LevelDB then works in a temporary
    folder with copies of the small files and links to the tables.
    """

    label = 'LevelDB'

    def __init__(self, path: Path):
        super().__init__(path)
        plyvel = need_plyvel()
        folder = path if is_writable(path) else self._linked(path)
        try:
            self._database = plyvel.DB(str(folder), create_if_missing=False, max_open_files=100)
        except (plyvel.Error, OSError) as error:
            text = _text(error)
            if 'lock' in text.lower():
                raise InUse(
                    f'database {path}: in use: only one process at a time can open a LevelDB; '
                    f'use LMDB to share it ({text})'
                ) from error
            raise DataError(f'database {path}: cannot be opened as LevelDB ({text})') from error

    def _linked(self, path: Path) -> Path:
        folder = Path(tempfile.mkdtemp(prefix='leveldb-'))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        for file in path.iterdir():
            if file.suffix in ('.ldb', '.sst'):
                (folder / file.name).symlink_to(file.resolve())
            elif file.name != 'LOCK' and file.is_file():
                shutil.copyfile(file, folder / file.name)
        return folder

    def pairs(self, after: bytes = b'') -> Iterator[Pair]:
        options = {'start': after or None, 'include_start': False}
        with self._reading(), self._database.iterator(**options) as iterator:
            yield from iterator

    def keys(self) -> list[bytes]:
        with self._reading(), self._database.iterator(include_value=False) as iterator:
            return list(iterator)

    def __getitem__(self, key: bytes) -> bytes:
        with self._reading():
            value = self._database.get(key)
        if value is None:
            raise DataError(f'database {self.path}: damaged (key {key!r} is not found)')
        return value

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Raises DataError for a table that LevelDB finds damaged."""
        try:
            yield
        except need_plyvel().Error as error:
            raise DataError(f'database {self.path}: damaged ({_text(error)})') from error


class LevelDBWriter(Writer):
    """A new LevelDB in an empty folder."""

    def __init__(self, path: Path):
        super().__init__(path)
        self._plyvel = need_plyvel()
        self._database = self._plyvel.DB(
            str(path),
            create_if_missing=True,
            error_if_exists=True,
            block_size=BLOCK_SIZE,
            write_buffer_size=WRITE_BUFFER,
        )

    def write(self, pairs: list[Pair]) -> None:
        try:
            with self._database.write_batch() as batch:
                for key, value in pairs:
                    batch.put(key, value)
        except (self._plyvel.Error, OSError) as error:
            raise DataError(
                f'LevelDB: cannot write {len(pairs)} pairs starting at key {pairs[0][0]!r} '
                f'({_text(error)})'
            ) from error

    def close(self) -> None:
        self._database.close()


def need_plyvel() -> ModuleType:
    """The package plyvel. It has no wheels for Python 3.13 and newer, so the extra omits it
    there."""
    return import_extra(
        'plyvel',
        'data',
        '; for Python 3.13 or newer: apt install g++ libleveldb-dev, then pip install plyvel',
    )


def is_writable(path: Path) -> bool:
    """Whether the folder is writable. If its mode forbids writing to everyone, that includes
    root."""
    mode = path.stat().st_mode
    return os.access(path, os.W_OK) and bool(mode & 0o222)


def _text(error: Exception) -> str:
    """The message of plyvel's errors, whose parts may be bytes."""
    words = []
    for part in error.args:
        if isinstance(part, bytes):
            part = part.decode(errors='replace')
        words.append(str(part))
    return ' '.join(words)
