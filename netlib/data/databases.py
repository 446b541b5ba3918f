"""Databases of Datum messages, as convert_imageset writes them."""
import math
from collections.abc import Iterator
from os.path import realpath
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
from google.protobuf.message import DecodeError

from ...proto import caffe_pb2
from ..errors import DataError, need
from .images import decode_image

LEVELDB, LMDB = caffe_pb2.DataParameter.LEVELDB, caffe_pb2.DataParameter.LMDB
KINDS = {LEVELDB: ('LevelDB', 'CURRENT'), LMDB: ('LMDB', 'data.mdb')}

# A process may open an LMDB environment only once, yet a train and a test net may share a database.
_environments: WeakValueDictionary = WeakValueDictionary()


def open_database(path: str | Path, backend: 'caffe_pb2.DataParameter.DB' = LMDB) -> 'Database':
    """The database in the folder (or LMDB file) `path`; backend is a value of DataParameter.DB.

    Raises DataError: no such database, another backend than said, or LevelDB, which is not read yet.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f'database {path}: no such file or folder')
    for kind, (label, sign) in KINDS.items():
        if kind != backend and (path / sign).exists():
            raise DataError(f'database {path}: is {label}, not {KINDS[backend][0]}; '
                            f'set backend: {label.upper()}')
    if backend == LEVELDB:
        raise DataError(f'database {path}: LevelDB is not read yet; convert it to LMDB (for example with '
                        f"Caffe's convert_imageset --backend=lmdb) and set backend: LMDB")
    return Database(path)


class Database:
    """An LMDB, read only and without a lock file: pairs (key, bytes of a Datum) in key order."""

    def __init__(self, path: Path):
        self.path = path
        self._environment = _open_environment(path)

    def __len__(self) -> int:
        return self._environment.stat()['entries']

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        """One pass."""
        with self._environment.begin() as transaction:
            yield from transaction.cursor()

    def cycle(self) -> Iterator[tuple[bytes, bytes]]:
        """Without end: after the last pair comes the first, as in Caffe's Data layer."""
        if not len(self):
            raise DataError(f'database {self.path}: is empty')
        while True:
            yield from self

    def keys(self) -> list[bytes]:
        """All keys, in order."""
        with self._environment.begin() as transaction:
            return list(transaction.cursor().iternext(values=False))

    def __getitem__(self, key: bytes) -> bytes:
        with self._environment.begin() as transaction:
            return transaction.get(key)


def _open_environment(path: Path):
    lmdb = need('lmdb', 'data')
    environment = _environments.get(realpath(path))
    if environment is None:
        try:
            environment = lmdb.open(str(path), subdir=path.is_dir(), readonly=True, lock=False,
                                    readahead=False)
        except lmdb.Error as error:
            raise DataError(f'database {path}: cannot be opened as LMDB ({error})') from error
        _environments[realpath(path)] = environment
    return environment


def parse_datum(value: bytes, name: str = 'datum') -> caffe_pb2.Datum:
    """The Datum of a database's value; DataError names `name` when it is none."""
    datum = caffe_pb2.Datum()
    try:
        datum.ParseFromString(value)
    except DecodeError as error:
        raise DataError(f'{name}: is no Datum message ({error})') from error
    return datum


def datum_to_array(datum: caffe_pb2.Datum, color: bool | None = None, name: str = 'datum') -> np.ndarray:
    """(C, H, W): uint8 of raw or encoded pixels, float32 of float_data.

    color is decode_image's, for encoded images only: raw datums come as they are.
    """
    if datum.encoded:
        return decode_image(datum.data, color, name)
    shape = (datum.channels, datum.height, datum.width)
    values = (np.frombuffer(datum.data, np.uint8) if datum.data
              else np.array(datum.float_data, np.float32))
    if values.size != math.prod(shape):
        raise DataError(f'{name}: holds {values.size} values, but its {shape[0]} channels of '
                        f'{shape[1]} x {shape[2]} need {math.prod(shape)}')
    return values.reshape(shape)
