"""Databases of Datum messages, as convert_imageset writes them: LMDB and LevelDB."""

import math
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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

LEVELDB, LMDB = caffe_pb2.DataParameter.LEVELDB, caffe_pb2.DataParameter.LMDB
# Each backend's reader and writer, and the file that tells its folders.
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
    if (found := backend_of(path)) not in (None, backend):
        label = KINDS[found][0].label
        raise DataError(
            f'database {path}: is {label}, not {KINDS[backend][0].label}; set backend: {label.upper()}'
        )
    place = realpath(path)
    database = _open.get(place) or _open_patiently(KINDS[backend][0], path)
    _open[place] = database
    return database


def _open_patiently(kind: type[Database], path: Path) -> Database:
    """Open a database that a net may still be closing: the threads of one that was just dropped end
    a little later."""
    for _ in range(PATIENCE):
        with suppress(InUse):
            return kind(path)
        time.sleep(0.01)
    return kind(path)


def backend_of(path: str | Path) -> int | None:
    """Which backend's database a folder holds; None where it holds none."""
    return next(
        (backend for backend, (*_, sign) in KINDS.items() if (Path(path) / sign).exists()), None
    )


@contextmanager
def create_database(path: str | Path, backend: int = LMDB) -> Iterator[Writer]:
    """A new database in the folder `path`, which must not be there yet; backend is a value of
    DataParameter.DB.

        with create_database('train_lmdb') as database:
            database.put(b'00000000_cat.jpg', datum.SerializeToString())

    It is there when the block ends; an exception leaves nothing behind. Raises DataError.
    """
    path = Path(path)
    if path.exists() or path.is_symlink():
        raise DataError(f'database {path}: already exists; remove it, or give another name')
    unfinished = path.with_name(f'.{path.name}.{secrets.token_hex(4)}.tmp')
    try:
        unfinished.mkdir()
    except OSError as error:
        raise DataError(
            f'database {path}: cannot be made in {path.parent} ({error.strerror})'
        ) from error
    try:
        writer = KINDS[backend][1](unfinished)
        try:
            yield writer
            writer.commit()
        finally:
            writer.close()
        unfinished.rename(path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def parse_datum(value: bytes, name: str = 'datum') -> caffe_pb2.Datum:
    """The Datum of a database's value; DataError names `name` when it is none."""
    datum = caffe_pb2.Datum()
    try:
        datum.ParseFromString(value)
    except DecodeError as error:
        raise DataError(f'{name}: is no Datum message ({error})') from error
    return datum


def datum_to_array(
    datum: caffe_pb2.Datum, color: bool | None = None, name: str = 'datum'
) -> np.ndarray:
    """(C, H, W): uint8 of raw or encoded pixels, float32 of float_data.

    color is decode_image's, for encoded images only: raw datums come as they are.
    """
    if datum.encoded:
        return decode_image(datum.data, color, name)
    shape = (datum.channels, datum.height, datum.width)
    values = (
        np.frombuffer(datum.data, np.uint8)
        if datum.data
        else np.array(datum.float_data, np.float32)
    )
    if min(shape) < 1:
        raise DataError(f'{name}: found channels, height and width {shape}, needed: positive ones')
    if values.size != math.prod(shape):
        raise DataError(
            f'{name}: holds {values.size} values, but its {shape[0]} channels of '
            f'{shape[1]} x {shape[2]} need {math.prod(shape)}'
        )
    return values.reshape(shape)
