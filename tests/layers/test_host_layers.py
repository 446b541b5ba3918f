"""Layers that work on the host: HDF5 files, and arrays handed over."""

import sys

import golden
import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.errors import DataError, GoodinitError, LayerError
from goodinit.proto import parse_net

IO = golden.HERE / 'io'
h5py = pytest.importorskip('h5py')
H5_FILES = 'hdf5_data_param { source: "list.txt" batch_size: 3 %s }'
MEMORY = 'memory_data_param { batch_size: 2 channels: 1 height: 1 width: 3 }'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Tests run in a folder of their own, with two HDF5 files."""
    monkeypatch.chdir(tmp_path)
    for k, rows in enumerate((4, 3)):
        with h5py.File(f'{k}.h5', 'w') as file:
            file['x'] = 10 * k + np.arange(rows)
            file['y'] = np.zeros((rows, 2 + k))
            file['short'] = np.zeros(2)
    (tmp_path / 'list.txt').write_text('0.h5\n1.h5\n')
    return tmp_path


def net_of(type, fields, tops='', bottoms='', **options):
    inputs = [
        f'layer {{ name: "{b}" type: "Input" top: "{b}" '
        f'input_param {{ shape {{ dim: 2 dim: 3 }} }} }}'
        for b in bottoms.split()
    ]
    wiring = ' '.join(
        [*(f'bottom: "{b}"' for b in bottoms.split()), *(f'top: "{t}"' for t in tops.split())]
    )
    return Net(
        parse_net('\n'.join([*inputs, f'layer {{ name: "l" type: "{type}" {wiring} {fields} }}'])),
        **options,
    )


# -- HDF5


@pytest.mark.parametrize('path', sorted(IO.glob('HDF5Data_*.npz')), ids=lambda path: path.stem)
def test_recorded_rows(path, engine, monkeypatch):
    monkeypatch.chdir(IO)
    for key, ours, recorded in golden.replay(path, engine):
        np.testing.assert_array_equal(ours, recorded, err_msg=key)


@pytest.mark.parametrize('path', sorted(IO.glob('HDF5Output_*.npz')), ids=lambda path: path.stem)
def test_recorded_file(path, engine):
    with np.load(path) as recorded:
        net = golden.build(recorded, path, engine)
        list(golden.forward(net, recorded, ''))
        with h5py.File(f'{path.stem}.h5') as file:
            assert set(file) == {'data', 'label'}
            for name in file:
                assert file[name].dtype == np.float32
                np.testing.assert_array_equal(file[name], recorded[f'file/{name}'])
    with pytest.raises(
        DataError, match=r'HDF5Output_.d.h5 already holds a batch: run one forward pass'
    ):
        net.forward()


def passes(net, count):
    """What the top x holds in `count` passes over the 7 rows, 3 a time."""
    drawn = []
    for _ in range(7 * count // 3):
        net.forward()
        drawn += net.blobs['x'].data.tolist()
    return [drawn[k : k + 7] for k in range(0, 7 * count, 7)]


def test_shuffle_draws_files_and_rows_anew():
    drawn = passes(net_of('HDF5Data', H5_FILES % 'shuffle: true', tops='x', seed=1), 6)
    rows = [{0, 1, 2, 3}, {10, 11, 12}]
    for order in drawn:
        first = rows[order[0] >= 10]
        assert set(order[: len(first)]) == first and set(order) == rows[0] | rows[1]
    assert len(set(map(tuple, drawn))) == 6 and len({order[0] >= 10 for order in drawn}) == 2


@pytest.mark.parametrize(
    'fields, tops, error, message',
    [
        (
            H5_FILES % '',
            'z',
            DataError,
            r"Failed to find HDF5 dataset 'z' in 0\.h5; it has short, x, y",
        ),
        (
            H5_FILES % '',
            'x short',
            DataError,
            r'0\.h5: datasets must have the same number of rows.* x \(4,\), short',
        ),
        (
            H5_FILES % '',
            'y',
            DataError,
            r"1\.h5: rows of 'y' are \(3,\), those of the first file \(2,\)",
        ),
        (
            'hdf5_data_param { source: "list.txt" }',
            'x',
            LayerError,
            'batch_size: found 0, must be positive',
        ),
        (
            'hdf5_data_param { source: "empty.txt" batch_size: 1 }',
            'x',
            DataError,
            r'empty\.txt: is empty; needed: the',
        ),
        (
            'hdf5_data_param { source: "text.txt" batch_size: 1 }',
            'x',
            DataError,
            r'list\.txt: not an HDF5 file, or damaged: ',
        ),
    ],
)
def test_hdf5_data_refuses(folder, fields, tops, error, message):
    (folder / 'empty.txt').write_text('')
    (folder / 'text.txt').write_text('list.txt')
    with pytest.raises(error, match=message):
        net = net_of('HDF5Data', fields, tops)
        net.forward()
        net.forward()


@pytest.mark.parametrize(
    'fields, shape, error, message',
    [
        ('', (2, 3), LayerError, 'file_name: missing'),
        (
            'hdf5_output_param { file_name: "o.h5" }',
            (3, 3),
            LayerError,
            r"'a' 2 3 \(6\) and 'b' 3 3 \(9\) must have the",
        ),
        (
            'hdf5_output_param { file_name: "o.h5" }',
            (2, 1, 1, 1, 1),
            LayerError,
            "bottom 'b': found .*, needed 1 to 4",
        ),
        (
            'hdf5_output_param { file_name: "no/o.h5" }',
            (2, 3),
            DataError,
            'Failed opening HDF5 file: no/o.h5: ',
        ),
    ],
)
def test_hdf5_output_refuses(fields, shape, error, message):
    with pytest.raises(error, match=message):
        net = net_of('HDF5Output', fields, bottoms='a b')
        net.blobs['b'].reshape(*shape)
        net.forward()


def test_without_h5py(monkeypatch):
    monkeypatch.setitem(sys.modules, 'h5py', None)
    with pytest.raises(GoodinitError, match=r"pip install 'goodinit\[data\]'"):
        net_of('HDF5Data', H5_FILES % '', 'x')


# -- MemoryData


def test_recorded_arrays(engine):
    with np.load(IO / 'MemoryData.npz') as recorded, np.load(IO / 'MemoryData_input.npz') as arrays:
        net = golden.build(recorded, IO / 'MemoryData.npz', engine)
        net.layers[0].set_arrays(arrays['data'], arrays['labels'])
        for step in range(recorded['steps']):
            for key, ours, expected in golden.forward(net, recorded, f's{step}/'):
                np.testing.assert_array_equal(ours, expected, err_msg=key)


@pytest.mark.parametrize(
    'data, labels, message',
    [
        ((3, 1, 1, 3), 3, r'data: found \(3, 1, 1, 3\), needed \(a multiple of 2, 1, 1, 3\)'),
        ((0, 1, 1, 3), 0, r'data: found \(0, 1, 1, 3\), needed'),
        ((2, 1, 3, 1), 2, r'data: found \(2, 1, 3, 1\), needed'),
        ((4, 1, 1, 3), 2, r'labels: found 2, needed: one for each of 4 images'),
    ],
)
def test_memory_data_refuses(data, labels, message):
    net = net_of('MemoryData', MEMORY, 'data label')
    with pytest.raises(DataError, match=message):
        net.layers[0].set_arrays(np.zeros(data), np.zeros(labels))
    with pytest.raises(
        DataError, match=r'has no data: call set_arrays\(data, labels\) before forward'
    ):
        net.forward()


def test_memory_data_does_not_transform():
    net = net_of('MemoryData', MEMORY + ' transform_param { scale: 2 }', 'data label')
    with pytest.warns(UserWarning, match='transform_param is not applied to arrays'):
        net.layers[0].set_arrays(np.ones((2, 1, 1, 3)), np.zeros(2))
    net.forward()
    assert np.all(net.blobs['data'].data == 1)
