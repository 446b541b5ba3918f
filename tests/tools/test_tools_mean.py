"""compute_image_mean beside the mean that BVLC Caffe's computed of the same database."""

import os
import re

import golden
import numpy as np
from goodinit.netlib.data.array_files import read_mean
from goodinit.netlib.data.databases import create_database
from goodinit.proto import read_blob
from goodinit.proto.caffe_pb2 import Datum
from goodinit.tools.compute_image_mean import main
from toolkit import fails

IO = golden.HERE / 'io'


def database(name, *images):
    with create_database(name) as out:
        for i, image in enumerate(images):
            channels, height, width = image.shape
            values = (
                {'data': image.tobytes()}
                if image.dtype == np.uint8
                else {'float_data': image.ravel()}
            )
            out.put(
                b'%d' % i,
                Datum(channels=channels, height=height, width=width, **values).SerializeToString(),
            )


def test_as_caffe(folder, capsys):
    (folder / 'lmdb_raw').symlink_to(IO / 'lmdb_raw')
    assert main(['lmdb_raw', 'mean.binaryproto']) == 0
    with np.load(IO / 'images_and_mean.npz') as recorded:
        expected = str(recorded['log/compute_image_mean'])
    assert re.sub(r'(?m)^\w{5} \S+ +\d+ \S+\] ', '', capsys.readouterr().err).split('\n') == [
        *expected.split('\n'),
        '',
    ]
    assert read_blob('mean.binaryproto') == read_blob(IO / 'mean.binaryproto')


def test_encoded_images(folder, capsys):
    assert main(['--backend=lmdb', str(IO / 'lmdb_encoded')]) == 1
    assert (
        'key 00000001_g0.png: Incorrect data field size: found (1, 12, 10), '
        'the first image has (3, 12, 10)' in capsys.readouterr().err
    )


def test_numbers(folder):
    images = np.random.default_rng(0).normal(size=(5, 2, 3, 4)).astype(np.float32)
    database('floats', *images)
    assert main(['floats', 'mean.binaryproto']) == 0
    np.testing.assert_allclose(
        read_mean('mean.binaryproto'), images.mean(axis=0), rtol=1e-6, atol=1e-7
    )


def test_failures(folder, capsys):
    database('empty')
    assert fails(main, ['nowhere'], capsys) == 'database nowhere: no such file or folder\n'
    assert fails(main, [], capsys).startswith('the following arguments are required: INPUT_DB')
    assert main(['empty', 'mean.binaryproto']) == 1
    assert capsys.readouterr().err.endswith('database empty: is empty\n')
    assert main(['--backend=leveldb', 'empty']) == 1
    assert 'is LMDB, not LevelDB' in capsys.readouterr().err
    assert not (folder / 'mean.binaryproto').exists()


def test_a_database_that_was_cut_off(folder, capsys):
    """What lies beyond the end of its file would end the process."""
    database('cut', *np.zeros((50, 3, 20, 20), np.uint8))
    os.truncate('cut/data.mdb', 16384)
    assert main(['cut']) == 1
    assert re.search(
        r'database cut: truncated: found 16384 bytes, needed: \d+', capsys.readouterr().err
    )


def test_a_database_with_a_damaged_page(folder, capsys):
    database('damaged', *np.zeros((50, 3, 20, 20), np.uint8))
    with open('damaged/data.mdb', 'r+b') as file:
        file.seek(8192)
        file.write(b'\xff' * (os.path.getsize('damaged/data.mdb') - 8192))
    assert main(['damaged', 'mean.binaryproto']) == 1
    assert re.search(r'database damaged: damaged \(page \d+\)$', capsys.readouterr().err, re.M)
    assert not (folder / 'mean.binaryproto').exists()


def test_a_file_that_cannot_be_written_is_said_at_once(folder, capsys):
    assert (
        fails(main, ['nowhere', 'no/mean.binaryproto'], capsys)
        == 'no/mean.binaryproto: there is no folder no\n'
    )
