"""Fields, logs, databases and side files that once ended in a traceback."""

import json
import struct

import fuzz_seeds as seeds
import numpy as np
import pytest
from case import input_text
from goodinit.caffe.draw import get_layer_label
from goodinit.netlib import Net
from goodinit.netlib.data.databases import open_database
from goodinit.netlib.data.list_files import read_list
from goodinit.netlib.data.lmdb_file import LmdbFile
from goodinit.netlib.errors import DataError, LayerError, ProtoError, SolverError
from goodinit.netlib.layers.host.hdf5_output import replacing
from goodinit.proto import parse_net, parse_solver
from goodinit.proto.caffe_pb2 import LayerParameter
from goodinit.solvers import side_file
from goodinit.solvers.log.reader import read_log
from goodinit.solvers.solver_param import check_solver_param


def test_argmax_of_a_single_number():
    scalar = 'layer { name: "x" type: "Input" top: "x" input_param { shape { } } }'
    with pytest.raises(LayerError, match=r"bottom 'x': found a single number, needed at least 1"):
        Net(parse_net(f'{scalar} layer {{ name: "a" type: "ArgMax" bottom: "x" top: "y" }}'))


@pytest.mark.parametrize('field', ['momentum', 'momentum2'])
def test_adam_that_never_forgets(field):
    param = parse_solver(f'net: "n" type: "Adam" {field}: 1')
    with pytest.raises(SolverError, match=rf'{field} must lie in \[0, 1\) for Adam, found 1'):
        check_solver_param(param)


def test_types_in_drawings_are_escaped():
    layer = LayerParameter(name='a"b', type='Q" URL="x')
    assert get_layer_label(layer, 'LR').count('\\"') == 3


@pytest.mark.parametrize('head', ['I00000101', 'I99991231', 'I99991239'])
def test_logs_of_impossible_years(head, tmp_path):
    line = f'{head} 24:00:00.5  1 solver.cpp:239] Iteration 3, loss = 0.5\n'
    (tmp_path / 'log').write_text(line)
    (row,) = read_log(tmp_path / 'log').train
    assert row.loss == 0.5 and np.isnan(row.seconds)


def test_labels_of_five_thousand_digits(tmp_path):
    (tmp_path / 'l.txt').write_text('a.png ' + '9' * 5000)
    names, labels = read_list(tmp_path / 'l.txt')
    assert labels is None and len(names) == 1


@pytest.mark.parametrize('key', ['files', 'losses', 'nets', 'ranks'])
def test_side_files_without_a_key(key, tmp_path):
    (tmp_path / 'a.resume').write_bytes(seeds.resume())
    with np.load(tmp_path / 'a.resume') as arrays:
        content = json.loads(arrays['document'].tobytes())
    side_file.read(str(tmp_path / 'a.resume'))
    del content[key]
    document = np.frombuffer(json.dumps(content).encode(), np.uint8)
    (tmp_path / 'a.resume').write_bytes(seeds.npz(document=document))
    with pytest.raises(ProtoError, match=f"or damaged: '{key}'"):
        side_file.read(str(tmp_path / 'a.resume'))


def test_a_side_file_of_other_files(tmp_path):
    with pytest.raises(SolverError, match='x belongs to 0 files: delete it to resume as Caffe'):
        side_file.check_files({'files': []}, 'x', ['a', 'b'])


# -- databases


def database(folder, change=None):
    data = bytearray(seeds.lmdb_bytes())
    if change:
        change(data)
    (folder / 'data.mdb').write_bytes(data)
    return folder


def root_of(data):
    """The number of the page with the root, from the newer meta page."""
    metas = [struct.unpack_from('<QQQ', data, start + 16 + 112) for start in (0, 4096)]
    return max(metas, key=lambda meta: meta[2])[0]


def test_an_lmdb_is_read_as_it_was_written(tmp_path):
    opened = open_database(database(tmp_path))
    assert list(opened) == seeds.datums()
    assert opened.keys() == [key for key, _ in seeds.datums()]
    for key, value in seeds.datums():
        assert opened[key] == value
        assert next(opened.pairs(key), (b'end',))[0] > key
    with pytest.raises(DataError, match=r"damaged \(key b'nothing' is not found\)"):
        opened[b'nothing']


@pytest.mark.parametrize(
    'offset, value, message',
    [
        (0, 77, r'damaged \(page \d+\)'),
        (10, 0x10, r'damaged \(page \d+\)'),
        (12, 0xFFFF, r'damaged \(page \d+\)'),
        (12, 16, r'damaged \(page \d+\)'),
        (16, 0xFFFF, r'damaged \(.*\)'),
    ],
)
def test_damaged_pages_of_an_lmdb(offset, value, message, tmp_path):
    def change(data):
        struct.pack_into('<H', data, root_of(data) * 4096 + offset, value)

    with pytest.raises(DataError, match=message):
        list(open_database(database(tmp_path, change)))


def test_an_lmdb_that_shrinks_while_it_is_read(tmp_path):
    file = LmdbFile(database(tmp_path) / 'data.mdb', 'database x')
    (tmp_path / 'data.mdb').write_bytes(seeds.lmdb_bytes()[:8192])
    with pytest.raises(DataError, match=r'database x: damaged \(it ends at byte 8192\)'):
        list(file.pairs())


# -- HDF5Output


def output_net(file):
    fields = f'hdf5_output_param {{ file_name: "{file}" }}'
    layer = f'layer {{ name: "l" type: "HDF5Output" bottom: "a" bottom: "b" {fields} }}'
    return Net(parse_net(input_text('a', (2, 3)) + input_text('b', (2,)) + layer))


def test_hdf5_output_replaces_its_own_files_only(folder, caplog):
    output_net('out.h5').forward()
    assert "note: layer 'l' (HDF5Output) writes out.h5" in caplog.text
    output_net('out.h5').forward()
    (folder / 'other.h5').write_text('precious')
    message = r'other\.h5 already exists, and no HDF5Output made it \(use --force to replace it'
    with pytest.raises(DataError, match=message):
        output_net('other.h5').forward()
    assert (folder / 'other.h5').read_text() == 'precious'
    with replacing():
        output_net('other.h5').forward()
    assert (folder / 'other.h5').read_bytes()[:4] == b'\x89HDF'
