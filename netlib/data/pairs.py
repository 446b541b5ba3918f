"""What LMDB and LevelDB have in common: pairs (key, value) of bytes, in the order of keys."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from ..errors import DataError

Pair = tuple[bytes, bytes]
COMMIT = 1000  # pairs written at once, as Caffe's tools do


class InUse(DataError):
    """The database is already open, and cannot be opened a second time."""


class Database(ABC):
    """A database to read from. `label` names its kind."""

    label = ''

    def __init__(self, path: Path):
        self.path = path

    def __iter__(self) -> Iterator[Pair]:
        """One pass."""
        return self.pairs()

    @abstractmethod
    def pairs(self, after: bytes = b'') -> Iterator[Pair]:
        """The pairs whose keys come after `after`, in order. Pairs before it are not read."""

    def cycle(self, after: bytes = b'') -> Iterator[Pair]:
        """The pairs after `after`, without end: after the last comes the first, as in Caffe's Data
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
    """A database that is being made. It commits what `put` takes a thousand pairs at a time."""

    def __init__(self, path: Path):
        self.path = path
        self._pending: list[Pair] = []

    def put(self, key: bytes, value: bytes) -> None:
        """Add a pair, or give the key another value. Raises DataError if the database refuses."""
        self._pending.append((key, value))
        if len(self._pending) == COMMIT:
            self.commit()

    def commit(self) -> None:
        """Write what `put` took."""
        self.write(self._pending)
        self._pending = []

    @abstractmethod
    def write(self, pairs: list[Pair]) -> None:
        """Write all pairs, or none."""

    @abstractmethod
    def close(self) -> None:
        """Close the database; what was not committed is lost."""
