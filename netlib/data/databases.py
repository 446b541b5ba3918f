"""Databases of Datum messages, as convert_imageset writes them: LMDB and LevelDB."""

import math
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from os.path import realpath
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
from google.protobuf.message import DecodeError

from ...proto import caffe_pb2
from ..errors import DataError
from . import leveldb, lmdb
from .images import decode_image
from .pairs import Database, InUse, Writer

LEVELDB = caffe_pb2.DataParameter.LEVELDB
LMDB = caffe_pb2.DataParameter.LMDB
# Each backend's reader and writer, and the file by which its folders are known.
KINDS: dict[int, tuple[type[Database], type[Writer], str]] = {
    LEVELDB: (leveldb.LevelDB, leveldb.LevelDBWriter, 'CURRENT'),
    LMDB: (lmdb.LMDB, lmdb.LMDBWriter, 'data.mdb'),
}

PATIENCE = 50  # times 10 ms
# A process may open a database only once, yet a train and a test net may share it.
_open: WeakValueDictionary[str, Database] = WeakValueDictionary()


def open_database(path: str | Path, backend: int = LMDB) -> Database:
    """The database in the folder (or LMDB file) `path`; backend is a value of DataParameter.DB.

    Raises DataError: no such database, another backend than said, or a LevelDB that another process
    uses.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f'database {path}: no such file or folder')
    kind, _, _ = KINDS[backend]
    found = backend_of(path)
    if found is not None and found != backend:
        label = KINDS[found][0].label
        raise DataError(
            f'database {path}: is {label}, not {kind.label}; set backend: {label.upper()}'
        )
    place = realpath(path)
    database = _open.get(place) or _open_patiently(kind, path)
    _open[place] = database
    return database


def _open_patiently(kind: type[Database], path: Path) -> Database:
    """Open a database that a net may still be closing: the threads of a net that was just dropped
    end a little later."""
    for _ in range(PATIENCE):
        with suppress(InUse):
            return kind(path)
        time.sleep(0.01)
    return kind(path)


def backend_of(path: str | Path) -> int | None:
    """Which backend's database a folder holds; None where it holds none."""
    for backend, (_, _, sign) in KINDS.items():
        if (Path(path) / sign).exists():
            return backend
    return None


@contextmanager
def create_database(path: str | Path, backend: int = LMDB) -> Iterator[Writer]:
    """A new database in the folder `path`, which must not exist yet; backend is a value of
    DataParameter.DB.

        with create_database('train_lmdb') as database:
            database.put(b'00000000_cat.jpg', datum.SerializeToString())

    It appears when the block ends; an exception leaves nothing behind. Raises DataError.
    """
    path = Path(path)
    if path.exists() or path.is_symlink():
        raise DataError(f'database {path}: already exists; remove it, or give another name')
    unfinished = _make_unfinished(path)
    _, kind, _ = KINDS[backend]
    try:
        with closing(kind(unfinished)) as writer:
            yield writer
            writer.commit()
        unfinished.rename(path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _make_unfinished(path: Path) -> Path:
    """A new folder beside `path`, where the database is made."""
    mark = secrets.token_hex(4)
    folder = path.with_name(f'.{path.name}.{mark}.tmp')
    try:
        folder.mkdir()
    except OSError as error:
        raise DataError(
            f'database {path}: cannot be made in {path.parent} ({error.strerror})'
        ) from error
    return folder


# -- datums


def datum_name(source: str | Path, key: bytes) -> str:
    """What errors call the datum of a key."""
    return f'{source}, key {key.decode(errors="replace")}'


def read_datum(value: bytes, color: bool | None, name: str) -> tuple[np.ndarray, int]:
    """The pixels or values of a database's value, as `datum_to_array` gives them, and the label."""
    datum = parse_datum(value, name)
    return datum_to_array(datum, color, name), datum.label


def parse_datum(value: bytes, name: str = 'datum') -> caffe_pb2.Datum:
    """The Datum of a database's value. Raises DataError, about `name`, when it is none."""
    datum = caffe_pb2.Datum()
    try:
        datum.ParseFromString(value)
    except DecodeError as error:
        raise DataError(f'{name}: is not a Datum message ({error})') from error
    return datum


def datum_to_array(
    datum: caffe_pb2.Datum, color: bool | None = None, name: str = 'datum'
) -> np.ndarray:
    """(C, H, W): uint8 of raw or encoded pixels, float32 of float_data.

    color is decode_image's, for encoded images only: raw datums stay as they are.
    """
    if datum.encoded:
        return decode_image(datum.data, color, name)
    shape = (datum.channels, datum.height, datum.width)
    if min(shape) < 1:
        raise DataError(f'{name}: found channels, height and width {shape}, needed: positive ones')
    values: np.ndarray
    if datum.data:
        values = np.frombuffer(datum.data, np.uint8)
    else:
        values = np.array(datum.float_data, np.float32)
    if values.size != math.prod(shape):
        raise DataError(
            f'{name}: holds {values.size} values, but its {shape[0]} channels of '
            f'{shape[1]} x {shape[2]} need {math.prod(shape)}'
        )
    return values.reshape(shape)
