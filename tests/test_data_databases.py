"""Databases: order, wrap-around, datums and errors."""
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from goodinit.netlib.data.databases import LEVELDB, LMDB, datum_to_array, open_database, parse_datum
from goodinit.netlib.errors import DataError, GoodinitError
from goodinit.proto import caffe_pb2

GOLDEN = Path(__file__).parent / 'golden' / 'io'


def test_pairs_come_in_key_order_and_wrap_around():
    with np.load(GOLDEN / 'images_and_mean.npz') as golden:
        keys = golden['keys/list_color'].tolist()
    database = open_database(GOLDEN / 'lmdb_raw', LMDB)
    stored = database.keys()
    assert [key.decode() for key in stored] == keys and len(database) == len(keys)
    assert [key.decode() for key, _ in islice(database.cycle(), 12)] == (3 * keys)[:12]
    assert dict(database)[b'00000003_c3.png'] == database[b'00000003_c3.png']


def test_two_readers_share_a_database():
    first, second = (open_database(GOLDEN / 'lmdb_raw') for _ in range(2))
    assert list(zip(first, second, strict=True)) == [(pair, pair) for pair in first]


def test_an_lmdb_file_without_a_folder(tmp_path):
    (tmp_path / 'single.mdb').write_bytes((GOLDEN / 'lmdb_raw' / 'data.mdb').read_bytes())
    assert list(open_database(tmp_path / 'single.mdb')) == list(open_database(GOLDEN / 'lmdb_raw'))


def folder(tmp_path, file, content=b''):
    (tmp_path / file).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize('file, backend, message', [
    ('CURRENT', LEVELDB, r'LevelDB is not read yet; convert it to LMDB .*--backend=lmdb.* set backend: LMDB'),
    ('CURRENT', LMDB, 'is LevelDB, not LMDB; set backend: LEVELDB'),
    ('data.mdb', LEVELDB, 'is LMDB, not LevelDB; set backend: LMDB'),
    ('data.mdb', LMDB, 'cannot be opened as LMDB'),
    ('other', LMDB, 'cannot be opened as LMDB'),
])
def test_errors_of_folders(tmp_path, file, backend, message):
    with pytest.raises(DataError, match=f'database .*: {message}'):
        open_database(folder(tmp_path, file, b'nonsense'), backend)


def test_missing_and_empty_databases(tmp_path):
    lmdb = pytest.importorskip('lmdb')
    with pytest.raises(DataError, match='database nowhere: no such file or folder'):
        open_database('nowhere')
    lmdb.open(str(tmp_path)).close()
    with pytest.raises(DataError, match=r'database .*: is empty'):
        next(open_database(tmp_path).cycle())


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'lmdb', None)
    with pytest.raises(GoodinitError, match=r"pip install 'goodinit\[data\]'"):
        open_database(GOLDEN / 'lmdb_raw')


def test_datums():
    raw = caffe_pb2.Datum(channels=2, height=1, width=3, data=bytes(range(6)), label=4)
    values = datum_to_array(parse_datum(raw.SerializeToString()))
    np.testing.assert_array_equal(values, np.arange(6, dtype=np.uint8).reshape(2, 1, 3), strict=True)
    floats = caffe_pb2.Datum(channels=1, height=2, width=1, float_data=[0.5, -1])
    np.testing.assert_array_equal(datum_to_array(floats), np.float32([[[0.5], [-1]]]), strict=True)


@pytest.mark.parametrize('datum, message', [
    (caffe_pb2.Datum(channels=3, height=2, width=2, data=b'123'),
     'key 5: holds 3 values, but its 3 channels of 2 x 2 need 12'),
    (caffe_pb2.Datum(channels=1, height=1, width=1), 'key 5: holds 0 values'),
    (caffe_pb2.Datum(encoded=True, data=b'123'), 'key 5: cannot be read as an image'),
])
def test_errors_of_datums(datum, message):
    with pytest.raises(DataError, match=message):
        datum_to_array(datum, name='key 5')


def test_no_datum():
    with pytest.raises(DataError, match='key 5: is no Datum message'):
        parse_datum(b'\xff\xff', 'key 5')
