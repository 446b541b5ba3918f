"""Databases of both kinds: order, wrap-around, writing, datums and errors."""

import os
import shutil
import sys
from itertools import islice
from threading import Timer

import numpy as np
import places
import pytest
from goodinit.netlib.data import databases
from goodinit.netlib.data import lmdb as lmdb_module
from goodinit.netlib.data.databases import (
    LEVELDB,
    LMDB,
    create_database,
    datum_to_array,
    open_database,
    parse_datum,
)
from goodinit.netlib.errors import DataError, GoodinitError
from goodinit.proto import caffe_pb2

GOLDEN = places.GOLDEN / 'io'
BACKENDS = [LMDB, LEVELDB]


@pytest.fixture(params=['lmdb_raw', 'leveldb_raw'])
def database(request, tmp_path):
    """Two databases that convert_imageset made of one list; copies, since opening a LevelDB changes
    its files."""
    shutil.copytree(GOLDEN / request.param, tmp_path / request.param)
    return open_database(
        tmp_path / request.param, LMDB if request.param.startswith('lmdb') else LEVELDB
    )


def test_pairs_come_in_key_order_and_wrap_around(database):
    with np.load(GOLDEN / 'images_and_mean.npz') as golden:
        keys = golden['keys/list_color'].tolist()
    assert [key.decode() for key, _ in database] == keys
    assert [key.decode() for key, _ in islice(database.cycle(), 12)] == (3 * keys)[:12]
    assert dict(database)[b'00000003_c3.png'] == database[b'00000003_c3.png']
    assert dict(database) == dict(open_database(GOLDEN / 'lmdb_raw'))


@pytest.mark.parametrize(
    'after, rest',
    [
        (b'', [0, 1, 2, 3, 4]),
        (b'00000002_c2.png', [3, 4]),
        (b'00000002', [2, 3, 4]),
        (b'00000004_c4.png', []),
        (b'9', []),
    ],
)
def test_pairs_after_a_key(database, after, rest):
    keys = database.keys()
    assert [key for key, _ in database.pairs(after)] == [keys[k] for k in rest]
    assert [key for key, _ in islice(database.cycle(after), 7)] == (
        [keys[k] for k in rest] + 2 * keys
    )[:7]


def test_readers_share_a_database(database):
    again = open_database(
        os.path.relpath(database.path), LMDB if database.label == 'LMDB' else LEVELDB
    )
    assert list(zip(again, database, strict=True)) == [(pair, pair) for pair in database]


def test_an_lmdb_file_without_a_folder(tmp_path):
    (tmp_path / 'single.mdb').write_bytes((GOLDEN / 'lmdb_raw' / 'data.mdb').read_bytes())
    assert list(open_database(tmp_path / 'single.mdb')) == list(open_database(GOLDEN / 'lmdb_raw'))


# -- LevelDB's ways


@pytest.mark.parametrize(
    'name', ['leveldb_raw', 'leveldb_encoded_png', 'leveldb_flat', 'leveldb_many']
)
def test_a_leveldb_that_may_not_be_written_to_stays_as_it_is(tmp_path, name, monkeypatch):
    """Some have all in tables, leveldb_encoded_png in its log."""
    (tmp_path / 'temporary').mkdir()
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path / 'temporary'))
    folder = shutil.copytree(GOLDEN / name, tmp_path / 'db')
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    folder.chmod(0o555)
    database = open_database(folder, LEVELDB)
    assert (
        len(list(database))
        == len(database.keys())
        == {'leveldb_many': 300, 'leveldb_flat': 4}.get(name, 5)
    )
    del database
    folder.chmod(0o755)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not list((tmp_path / 'temporary').iterdir())


def test_a_leveldb_that_another_process_uses(tmp_path, monkeypatch):
    monkeypatch.setattr(databases, 'PATIENCE', 2)
    plyvel = pytest.importorskip('plyvel')
    folder = shutil.copytree(GOLDEN / 'leveldb_raw', tmp_path / 'db')
    other = plyvel.DB(str(folder))
    with pytest.raises(
        DataError,
        match='in use: only one process at a time can open a LevelDB; use LMDB to share it',
    ):
        open_database(folder, LEVELDB)
    other.close()


def test_a_leveldb_that_is_about_to_be_closed_is_waited_for(tmp_path):
    """As the threads of a net that was just dropped close theirs."""
    folder = shutil.copytree(GOLDEN / 'leveldb_raw', tmp_path / 'db')
    closing = [databases.KINDS[LEVELDB][0](folder)]
    Timer(0.05, closing.clear).start()
    assert len(open_database(folder, LEVELDB).keys()) == 5 and not closing


# -- writing


@pytest.mark.parametrize('backend', BACKENDS, ids=['lmdb', 'leveldb'])
def test_what_is_written_is_read(tmp_path, backend, monkeypatch):
    monkeypatch.setattr(lmdb_module, 'MAP_SIZE', 1 << 16)  # so that it must grow
    rng = np.random.default_rng(0)
    pairs = {
        f'{k:08d}'.encode(): rng.bytes(int(rng.integers(1, 3000)))
        for k in rng.permutation(2345).tolist()
    }
    with create_database(tmp_path / 'db', backend) as database:
        for key, value in pairs.items():
            database.put(key, b'earlier' if key.endswith(b'7') else value)
        for key in pairs:
            if key.endswith(b'7'):
                database.put(key, pairs[key])
    assert list(open_database(tmp_path / 'db', backend)) == sorted(pairs.items())
    assert [path.name for path in tmp_path.iterdir()] == ['db']


@pytest.mark.parametrize('backend', BACKENDS, ids=['lmdb', 'leveldb'])
def test_an_exception_leaves_no_database(tmp_path, backend):
    with pytest.raises(KeyboardInterrupt), create_database(tmp_path / 'db', backend) as database:
        for k in range(1500):
            database.put(b'%d' % k, b'value')
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('backend', BACKENDS, ids=['lmdb', 'leveldb'])
def test_an_empty_database(tmp_path, backend):
    with create_database(tmp_path / 'db', backend):
        pass
    with pytest.raises(DataError, match=r'database .*db: is empty'):
        next(open_database(tmp_path / 'db', backend).cycle())


@pytest.mark.parametrize(
    'name, message',
    [
        ('there', r'database .*there: already exists; remove it, or give another name'),
        ('no/db', r'database .*no/db: cannot be created in .*no \(No such file or directory\)'),
    ],
)
def test_places_where_none_is_made(tmp_path, name, message):
    (tmp_path / 'there').mkdir()
    with pytest.raises(DataError, match=message), create_database(tmp_path / name):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ['there'] and not list(
        (tmp_path / 'there').iterdir()
    )


def test_keys_that_lmdb_refuses(tmp_path):
    with (
        pytest.raises(
            DataError, match=r"LMDB: cannot write 1 pairs starting at key b'k+' \(.*MDB_BAD_VALSIZE"
        ),
        create_database(tmp_path / 'db') as database,
    ):
        database.put(b'k' * 600, b'value')
    assert not list(tmp_path.iterdir())


class FullDisk:
    """A LevelDB that cannot write."""

    def write_batch(self):
        raise pytest.importorskip('plyvel').IOError(b'No space left on device')

    def close(self):
        pass


def test_a_leveldb_on_a_disk_that_is_full(tmp_path):
    with (
        pytest.raises(
            DataError,
            match=r"LevelDB: cannot write 1 pairs starting at key b'k' \(No space left on dev",
        ),
        create_database(tmp_path / 'db', LEVELDB) as database,
    ):
        database._database.close()
        database._database = FullDisk()
        database.put(b'k', b'value')
    assert not list(tmp_path.iterdir())


# -- errors


def folder(tmp_path, file, content=b''):
    (tmp_path / file).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize(
    'file, backend, message',
    [
        (
            'CURRENT',
            LEVELDB,
            r'cannot be opened as LevelDB \(Corruption: CURRENT file does not end with newline',
        ),
        ('other', LEVELDB, r'cannot be opened as LevelDB \(.*does not exist'),
        ('CURRENT', LMDB, 'is LevelDB, not LMDB; set backend: LEVELDB'),
        ('data.mdb', LEVELDB, 'is LMDB, not LevelDB; set backend: LMDB'),
        ('data.mdb', LMDB, 'cannot be opened as LMDB'),
        ('other', LMDB, 'cannot be opened as LMDB'),
    ],
)
def test_errors_of_folders(tmp_path, file, backend, message):
    with pytest.raises(DataError, match=f'database .*: {message}'):
        open_database(folder(tmp_path, file, b'nonsense'), backend)


def test_a_missing_database():
    with pytest.raises(DataError, match='database nowhere: no such file or folder'):
        open_database('nowhere')


@pytest.mark.parametrize('package, backend', [('lmdb', LMDB), ('plyvel', LEVELDB)])
def test_missing_package_is_named(monkeypatch, tmp_path, package, backend):
    monkeypatch.setitem(sys.modules, package, None)
    if backend == LEVELDB:  # LMDB is read without a package
        with pytest.raises(GoodinitError, match=r"pip install 'goodinit\[data\]'"):
            open_database(GOLDEN / 'leveldb_raw', backend)
    with pytest.raises(GoodinitError, match=r"pip install 'goodinit\[data\]'"):
        create_database(tmp_path / 'd', backend).__enter__()
    assert not list(tmp_path.iterdir())


def test_datums():
    raw = caffe_pb2.Datum(channels=2, height=1, width=3, data=bytes(range(6)), label=4)
    values = datum_to_array(parse_datum(raw.SerializeToString()))
    np.testing.assert_array_equal(
        values, np.arange(6, dtype=np.uint8).reshape(2, 1, 3), strict=True
    )
    floats = caffe_pb2.Datum(channels=1, height=2, width=1, float_data=[0.5, -1])
    np.testing.assert_array_equal(datum_to_array(floats), np.float32([[[0.5], [-1]]]), strict=True)


@pytest.mark.parametrize(
    'datum, message',
    [
        (
            caffe_pb2.Datum(channels=3, height=2, width=2, data=b'123'),
            'key 5: holds 3 values, but its 3 channels of 2 x 2 need 12',
        ),
        (caffe_pb2.Datum(channels=1, height=1, width=1), 'key 5: holds 0 values'),
        (
            caffe_pb2.Datum(),
            r'key 5: found channels, height and width \(0, 0, 0\), needed: positive ones',
        ),
        (
            caffe_pb2.Datum(channels=-1, height=-2, width=1, data=b'12'),
            r'height and width \(-1, -2, 1\)',
        ),
        (
            caffe_pb2.Datum(encoded=True, data=b'123'),
            r'^key 5: cannot be read as an image \(unknown format\)$',
        ),
    ],
)
def test_errors_of_datums(datum, message):
    with pytest.raises(DataError, match=message):
        datum_to_array(datum, name='key 5')


def test_no_datum():
    with pytest.raises(DataError, match='key 5: not a Datum message'):
        parse_datum(b'\xff\xff', 'key 5')
