"""A layer that is restored in a new net gives exactly what would have come next, without reading
what came before."""

import json
import shutil

import golden
import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TRAIN
from PIL import Image

IO = golden.HERE / 'io'
CROPS = 'transform_param { crop_size: 3 mirror: true }'
LMDB = 'data_param { source: "lmdb_%s" backend: LMDB batch_size: 3 rand_skip: %d prefetch: %d }'
LIST = 'image_data_param { source: "list_imagedata_same.txt" batch_size: 3 %s }'
H5 = 'hdf5_data_param { source: "h5_list.txt" batch_size: 5 shuffle: %s }'
WINDOWS = 'window_data_param { source: "win_warp.txt" batch_size: 3 fg_fraction: 0.5 }'

LAYERS = {
    'database': ('Data', LMDB % ('raw', 4, 4) + CROPS),
    'database, read when asked': ('Data', LMDB % ('raw', 4, 0) + CROPS),
    'encoded': ('Data', LMDB % ('encoded', 0, 1) + 'transform_param { force_color: true }'),
    'leveldb': ('Data', 'data_param { source: "leveldb_raw" batch_size: 3 rand_skip: 4 }' + CROPS),
    'list': ('ImageData', LIST % 'rand_skip: 3' + CROPS),
    'shuffled list': ('ImageData', LIST % 'shuffle: true rand_skip: 3' + CROPS),
    'hdf5': ('HDF5Data', H5 % 'false'),
    'shuffled hdf5': ('HDF5Data', H5 % 'true'),
    'windows': ('WindowData', WINDOWS + CROPS),
    'memory': ('MemoryData', 'memory_data_param { batch_size: 2 channels: 1 height: 1 width: 3 }'),
    'dummy': (
        'DummyData',
        'dummy_data_param { shape { dim: 3 } data_filler { type: "gaussian" } }',
    ),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with the recorded files; LevelDB changes its own when it is opened."""
    for path in IO.iterdir():
        if path.name.startswith('leveldb'):
            shutil.copytree(path, tmp_path / path.name)
        else:
            (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)


def build(name, seed):
    type, fields = LAYERS[name]
    tops = 'top: "data" top: "label"'
    net = Net(parse_net(f'layer {{ name: "d" type: "{type}" {tops} {fields} }}'), TRAIN, seed=seed)
    if type == 'MemoryData':
        net.layers[0].set_arrays(np.arange(30).reshape(10, 1, 1, 3), np.arange(10))
    return net


def batches(net, count):
    for _ in range(count):
        net.forward()
        yield {name: blob.data.copy() for name, blob in net.blobs.items()}


@pytest.mark.parametrize('name', LAYERS)
@pytest.mark.parametrize('before', [0, 1, 5])
def test_a_restored_layer_goes_on(name, before):
    first = build(name, seed=1)
    list(batches(first, before))
    state = json.loads(
        json.dumps(first.layers[0].state())
    )  # nothing but numbers, strings, lists, dicts
    again = build(name, seed=2)
    list(batches(again, 2))
    again.layers[0].restore(state)
    for expected, found in zip(batches(first, 6), batches(again, 6), strict=True):
        for blob, values in expected.items():
            np.testing.assert_array_equal(found[blob], values)


@pytest.mark.parametrize('name', ['encoded', 'shuffled list'])
def test_nothing_is_decoded_again(name, monkeypatch):
    first, again = build(name, seed=1), build(name, seed=2)
    list(batches(first, 9))
    state, opened, original = first.layers[0].state(), [], Image.open
    first.layers[0].restore(state)  # nothing is read ahead any more
    monkeypatch.setattr(Image, 'open', lambda *source: opened.append(source) or original(*source))
    again.layers[0].restore(state)
    assert not opened
