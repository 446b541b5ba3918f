"""convert_mnist_data, convert_mnist_siamese_data and convert_cifar_data: the published files to
databases that a Data layer reads."""

import gzip
import struct

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.data.databases import open_database
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST
from goodinit.tools import convert_cifar_data, convert_mnist_data, convert_mnist_siamese_data

RNG = np.random.default_rng(0)
PIXELS, LABELS = RNG.integers(256, size=(3, 5, 4), dtype=np.uint8), np.array([7, 0, 9], np.uint8)


def write_idx(path, array):
    content = (
        bytes([0, 0, 8, array.ndim])
        + struct.pack(f'>{array.ndim}I', *array.shape)
        + array.tobytes()
    )
    path.write_bytes(gzip.compress(content) if path.suffix == '.gz' else content)
    return str(path)


def read(source, count):
    """The first batch of a Data layer."""
    layer = (
        "layer {{ name: 'd' type: 'Data' top: 'data' top: 'label' "
        "data_param {{ source: '{}' batch_size: {} backend: LMDB }} }}"
    )
    net = Net(parse_net(layer.format(source, count)), TEST)
    net.forward()
    return net.blobs['data'].data, net.blobs['label'].data


def test_mnist(tmp_path):
    images = write_idx(tmp_path / 'images.gz', PIXELS)
    labels, database = write_idx(tmp_path / 'labels', LABELS), str(tmp_path / 'train_lmdb')
    assert convert_mnist_data.main([images, labels, database]) == 0
    assert open_database(database).keys() == [b'00000000', b'00000001', b'00000002']
    data, label = read(database, 3)
    np.testing.assert_array_equal(data, PIXELS[:, None])
    np.testing.assert_array_equal(label, LABELS)


def test_mnist_pairs(tmp_path):
    """Every pair is of two of the images, and labeled 1 where both show the same digit."""
    pixels = RNG.integers(256, size=(30, 5, 4), dtype=np.uint8)
    digits = (np.arange(30) % 3).astype(np.uint8)
    files = [write_idx(tmp_path / 'images', pixels), write_idx(tmp_path / 'labels', digits)]
    data, same = pairs_of(*files, seed=0, database=tmp_path / 'first')
    assert data.shape == (30, 2, 5, 4) and set(same) == {0, 1}
    left, right = digits[[places_of(half, pixels) for half in data.swapaxes(0, 1)]]
    np.testing.assert_array_equal(same, left == right)
    again, _ = pairs_of(*files, seed=0, database=tmp_path / 'again')
    other, _ = pairs_of(*files, seed=1, database=tmp_path / 'other')
    assert np.array_equal(data, again) and not np.array_equal(data, other)


def pairs_of(images, labels, seed, database):
    """The pairs and labels of the database that the command makes."""
    given = [images, labels, str(database), '--backend=lmdb', f'--seed={seed}']
    assert convert_mnist_siamese_data.main(given) == 0
    data, label = read(database, 30)
    return data.copy(), label.copy()


def places_of(some, images):
    """Where each of some images stands among the images, which all differ."""
    return [int(np.flatnonzero((images == image).all((1, 2)))[0]) for image in some]


def test_cifar(tmp_path):
    records = RNG.integers(256, size=(6, 2, 3072), dtype=np.uint8)
    for i, name in enumerate(
        [
            'data_batch_1',
            'data_batch_2',
            'data_batch_3',
            'data_batch_4',
            'data_batch_5',
            'test_batch',
        ]
    ):
        rows = np.column_stack([np.full(2, i, np.uint8), records[i]])
        (tmp_path / f'{name}.bin').write_bytes(rows.tobytes())
    assert convert_cifar_data.main([str(tmp_path), str(tmp_path)]) == 0
    data, label = read(tmp_path / 'cifar10_train_lmdb', 10)
    np.testing.assert_array_equal(data, records[:5].reshape(10, 3, 32, 32))
    np.testing.assert_array_equal(label, np.repeat(range(5), 2))
    data, label = read(tmp_path / 'cifar10_test_lmdb', 2)
    np.testing.assert_array_equal(data, records[5].reshape(2, 3, 32, 32))
    assert list(label) == [5, 5]


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['labels', 'labels', 'new'], 'needed: N images of H x W, and N labels'),
        (['images', 'none', 'new'], 'none: cannot be read'),
        (['images', 'labels', 'old'], 'database old: already exists'),
    ],
)
def test_mnist_refuses(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_idx(tmp_path / 'images', PIXELS)
    write_idx(tmp_path / 'labels', LABELS)
    (tmp_path / 'old').mkdir()
    assert convert_mnist_data.main(arguments) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'new').exists()


def test_cifar_names_the_file_that_lacks(tmp_path, capsys):
    assert convert_cifar_data.main([str(tmp_path), str(tmp_path)]) == 1
    assert f'{tmp_path}: has no data_batch_1.bin' in capsys.readouterr().err
