"""Shared by LMDB and LevelDB: pairs (key, value) of bytes, in key order."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from ..errors import DataError

Pair = tuple[bytes, bytes]
COMMIT = 1000  # pairs written at once, as Caffe's tools do


class InUse(DataError):
    """The database is already open and cannot be opened again."""


class Database(ABC):
    """A database to read from. `label` is the name of its backend."""

    label = ''

    def __init__(self, path: Path):
        self.path = path

    def __iter__(self) -> Iterator[Pair]:
        """One pass."""
        return self.pairs()

    @abstractmethod
    def pairs(self, after: bytes = b'') -> Iterator[Pair]:
        """The pairs whose keys come after `after`, in order, without reading those before it."""

    def cycle(self, after: bytes = b'') -> Iterator[Pair]:
        """The pairs after `after`, endlessly, starting over after the last as in Caffe's Data
        layer. Raises DataError for an empty database."""
        yield from self.pairs(after)
        if next(self.pairs(), None) is None:
            raise DataError(f'database {self.path}: is empty')
        while True:
            yield from self.pairs()

    @abstractmethod
    def keys(self) -> list[bytes]:
        """All keys, in order."""

    @abstractmethod
    def __getitem__(self, key: bytes) -> bytes:
        """The value of a key of this database."""


class Writer(ABC):
    """A database that is being written. It commits a thousand pairs of `put` at a time."""

    def __init__(self, path: Path):
        self.path = path
        self._pending: list[Pair] = []

    def put(self, key: bytes, value: bytes) -> None:
        """Add a pair, or change the value of a key. Raises DataError if the database refuses."""
        self._pending.append((key, value))
        if len(self._pending) == COMMIT:
            self.commit()

    def commit(self) -> None:
        """Write the pairs from `put`."""
        self.write(self._pending)
        self._pending = []

    @abstractmethod
    def write(self, pairs: list[Pair]) -> None:
        """Write all pairs, or none of them."""

    @abstractmethod
    def close(self) -> None:
        """Close the database; uncommitted pairs are lost."""
