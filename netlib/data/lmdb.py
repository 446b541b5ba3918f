"""Reading LMDB folders and files, without a lock file, and writing them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DataError, import_extra
from .pairs import Database, InUse, Pair, Writer

MAP_SIZE = 1 << 30  # initial size in bytes


class LMDB(Database):
    """An LMDB, read only."""

    label = 'LMDB'

    def __init__(self, path: Path):
        super().__init__(path)
        lmdb = import_extra('lmdb', 'data')
        self._error = lmdb.Error
        try:
            self._environment = lmdb.open(
                str(path), subdir=path.is_dir(), readonly=True, lock=False, readahead=False
            )
        except lmdb.Error as error:
            kind = InUse if 'already open' in str(error) else DataError
            raise kind(f'database {path}: cannot be opened as LMDB ({error})') from error
        self._check_size(path / 'data.mdb' if path.is_dir() else path)

    def _check_size(self, file: Path) -> None:
        """Raises DataError for a truncated file: reading beyond its end would kill the process."""
        pages = self._environment.info()['last_pgno'] + 1
        needed = pages * self._environment.stat()['psize']
        found = file.stat().st_size
        if found < needed:
            self._environment.close()
            raise DataError(
                f'database {self.path}: truncated: found {found} bytes, needed: {needed}'
            )

    @contextmanager
    def _reading(self) -> Iterator:
        """A transaction. Raises DataError if a page is damaged."""
        try:
            with self._environment.begin() as transaction:
                yield transaction
        except self._error as error:
            raise DataError(f'database {self.path}: damaged ({error})') from error

    def pairs(self, after: bytes = b'') -> Iterator[Pair]:
        with self._reading() as transaction, transaction.cursor() as cursor:
            if after and cursor.set_range(after) and cursor.key() == after:
                cursor.next()
            # A cursor past the end has no key; one that was not moved starts at the first key.
            if not after or cursor.key():
                yield from cursor

    def keys(self) -> list[bytes]:
        with self._reading() as transaction:
            return list(transaction.cursor().iternext(values=False))

    def __getitem__(self, key: bytes) -> bytes:
        with self._reading() as transaction:
            return transaction.get(key)


class LMDBWriter(Writer):
    """A new LMDB in an empty folder."""

    def __init__(self, path: Path):
        super().__init__(path)
        self._lmdb = import_extra('lmdb', 'data')
        self._size = MAP_SIZE
        self._environment = self._lmdb.open(str(path), map_size=self._size)

    def write(self, pairs: list[Pair]) -> None:
        try:
            with self._environment.begin(write=True) as transaction:
                transaction.cursor().putmulti(pairs)
        except self._lmdb.MapFullError:
            self._size *= 2
            self._environment.set_mapsize(self._size)
            self.write(pairs)
        except self._lmdb.Error as error:
            raise DataError(
                f'LMDB: cannot write {len(pairs)} pairs starting at key {pairs[0][0]!r} ({error})'
            ) from error

    def close(self) -> None:
        self._environment.close()
