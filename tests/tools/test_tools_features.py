"""extract_features beside the databases that BVLC Caffe's wrote of the same net and images."""

import os
import re

import golden
import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.data.databases import datum_to_array, open_database, parse_datum
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST
from goodinit.tools.extract_features import main
from toolkit import fails

IO = golden.HERE / 'io'
PROTO = """name: "features"
layer { name: "d" type: "Data" top: "data" top: "label" transform_param { scale: 0.01 }
        data_param { source: "lmdb_raw" batch_size: 2 backend: LMDB } }
layer { name: "p" type: "Pooling" bottom: "data" top: "p"
        pooling_param { pool: AVE kernel_size: 3 stride: 3 } }
layer { name: "q" type: "Power" bottom: "p" top: "q" power_param { shift: -0.5 } }
"""
RUN = ['features.caffemodel', 'features.prototxt']


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'lmdb_raw').symlink_to(IO / 'lmdb_raw')
    (tmp_path / 'features.prototxt').write_text(PROTO)
    Net(parse_net(PROTO), TEST).save('features.caffemodel')
    return tmp_path


def test_as_caffe(folder, capsys):
    assert main([*RUN, 'q,label', 'ours,our_labels', '3', 'lmdb', 'CPU']) == 0
    lines = [
        re.sub(r'^\w{5} \S+ +\d+ \S+\] ', '', line) for line in capsys.readouterr().err.splitlines()
    ]
    with np.load(IO / 'images_and_mean.npz') as recorded:
        *theirs, success = str(recorded['log/extract_features']).splitlines()
    at = next(i for i, line in enumerate(theirs) if line.startswith('Opening dataset'))
    theirs = [
        line.replace('lmdb_features', 'ours').replace('lmdb_feature_labels', 'our_labels')
        for line in theirs[at:]
        if 'prefetching' not in line
    ]
    assert lines[lines.index('Opening dataset ours') : -1] == theirs
    assert lines[0] == 'Using CPU' and lines[-1].startswith(success)
    for ours, recorded in (('ours', 'lmdb_features'), ('our_labels', 'lmdb_feature_labels')):
        compare(list(open_database(ours)), list(open_database(IO / recorded)))


def compare(ours, theirs):
    assert [key for key, _ in ours] == [key for key, _ in theirs]
    for (_, value), (_, other) in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(
            datum_to_array(parse_datum(value)),
            datum_to_array(parse_datum(other)),
            rtol=1e-6,
            atol=1e-6,
        )


FAILURES = [
    ([*RUN, 'q', 'db', '1'], 'the following arguments are required: DB_TYPE'),
    (
        [*RUN, 'q,p', 'db', '1', 'lmdb'],
        'the number of blob names and dataset names must be equal: found 2 and 1',
    ),
    (
        [*RUN, 'q,p', 'db,db', '1', 'lmdb'],
        'DB: found db, db, needed: a database of its own for each blob',
    ),
    (
        [*RUN, 'qq', 'db', '1', 'lmdb'],
        'Unknown feature blob name qq in the network features.prototxt; did you mean',
    ),
    (
        [*RUN, 'q', 'db', '0', 'lmdb'],
        "argument NUM_MINI_BATCHES: found '0', needed: a whole number, 1 or more",
    ),
    ([*RUN, 'q', 'db', '1', 'mdb'], "argument DB_TYPE: unknown 'mdb'; did you mean 'lmdb'?"),
    ([*RUN, 'q', 'lmdb_raw', '1', 'lmdb'], 'database lmdb_raw: already exists'),
    ([*RUN, 'q,p', 'db,lmdb_raw', '1', 'lmdb'], 'database lmdb_raw: already exists'),
    (
        [*RUN, 'q', 'db', '1', 'lmdb', 'GPU', 'x'],
        "argument DEVICE_ID=N: found 'x', needed: a whole number, 0 or more",
    ),
    (['no.caffemodel', RUN[1], 'q', 'db', '1', 'lmdb'], 'File not found: no.caffemodel'),
]


@pytest.mark.parametrize(('arguments', 'message'), FAILURES)
def test_failures(arguments, message, folder, capsys):
    before = set(os.listdir())
    assert main(arguments) == 1
    assert f'goodinit extract_features: {message}' in capsys.readouterr().err
    assert set(os.listdir()) == before


def test_a_blob_of_many_axes(folder, capsys):
    more = (
        'layer { name: "r" type: "Reshape" bottom: "q" top: "r" '
        'reshape_param { shape { dim: 2 dim: 3 dim: 4 dim: 4 dim: 1 } } }'
    )
    (folder / 'features.prototxt').write_text(PROTO + more)
    assert main([*RUN, 'r', 'db', '1', 'lmdb']) == 1
    assert "blob 'r': found 5 axes, a datum holds at most 4" in capsys.readouterr().err
    assert not (folder / 'db').exists()


def test_usage(capsys):
    assert 'required: WEIGHTS, PROTO, BLOB[,BLOB]' in fails(main, [], capsys)
