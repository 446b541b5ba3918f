"""Databases of Datum messages, as written by convert_imageset: LMDB and LevelDB."""

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
# Each backend's reader and writer, and the file that identifies its folders.
KINDS: dict[int, tuple[type[Database], type[Writer], str]] = {
    LEVELDB: (leveldb.LevelDB, leveldb.LevelDBWriter, 'CURRENT'),
    LMDB: (lmdb.LMDB, lmdb.LMDBWriter, 'data.mdb'),
}

PATIENCE = 50  # times 10 ms
# A process may open a database only once, but a train net and a test net may share it.
_open: WeakValueDictionary[str, Database] = WeakValueDictionary()


def open_database(path: str | Path, backend: int = LMDB) -> Database:
    """The database in the folder (or LMDB file) `path`; backend is a value of DataParameter.DB.

    Raises DataError if there is no such database, if it has another backend, or if another process
    is using it (LevelDB).
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
    """Open a database that a net may still be closing: a discarded net's threads take a moment to
    end."""
    for _ in range(PATIENCE):
        with suppress(InUse):
            return kind(path)
        time.sleep(0.01)
    return kind(path)


def backend_of(path: str | Path) -> int | None:
    """The backend of the database in a folder; None if there is no database."""
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
    """A new folder next to `path`, in which the database is created."""
    mark = secrets.token_hex(4)
    folder = path.with_name(f'.{path.name}.{mark}.tmp')
    try:
        folder.mkdir()
    except OSError as error:
        raise DataError(
            f'database {path}: cannot be created in {path.parent} ({error.strerror})'
        ) from error
    return folder


# -- datums


def datum_name(source: str | Path, key: bytes) -> str:
    """The name of a key's datum in error messages."""
    return f'{source}, key {key.decode(errors="replace")}'


def read_datum(value: bytes, color: bool | None, name: str) -> tuple[np.ndarray, int]:
    """The pixels or values in a database's value, from `datum_to_array`, and the label."""
    datum = parse_datum(value, name)
    return datum_to_array(datum, color, name), datum.label


def parse_datum(value: bytes, name: str = 'datum') -> caffe_pb2.Datum:
    """The Datum in a database's value. Raises DataError, about `name`, if there is none."""
    datum = caffe_pb2.Datum()
    try:
        datum.ParseFromString(value)
    except DecodeError as error:
        raise DataError(f'{name}: not a Datum message ({error})') from error
    return datum


def datum_to_array(
    datum: caffe_pb2.Datum, color: bool | None = None, name: str = 'datum'
) -> np.ndarray:
    """(C, H, W): uint8 of raw or encoded pixels, float32 of float_data.

    color, as in decode_image, affects encoded images only: raw datums stay as they are.
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
