"""Reading LMDB folders and files, without a lock file, and writing them."""

from collections.abc import Iterator
from pathlib import Path

from ..errors import DataError, import_extra
from .lmdb_file import LmdbFile
from .pairs import Database, Pair, Writer

MAP_SIZE = 1 << 30  # initial size in bytes


class LMDB(Database):
    """An LMDB, read only."""

    label = 'LMDB'

    def __init__(self, path: Path):
        super().__init__(path)
        file = path / 'data.mdb' if path.is_dir() else path
        self._pages = LmdbFile(file, f'database {path}')

    def pairs(self, after: bytes = b'') -> Iterator[Pair]:
        return self._pages.pairs(after)

    def keys(self) -> list[bytes]:
        return [node.key for node in self._pages.nodes()]

    def __getitem__(self, key: bytes) -> bytes:
        value = self._pages.get(key)
        if value is None:
            raise DataError(f'database {self.path}: damaged (key {key!r} is not found)')
        return value


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
