"""The files of MNIST and CIFAR-10, and the embedded samples."""

import gzip
import lzma
import struct

import numpy as np
import places
import pytest
from goodinit.netlib.data import embedded
from goodinit.netlib.data.embedded import open_embedded
from goodinit.netlib.data.sources import open_source
from goodinit.netlib.errors import DataError

PUBLISHED = places.DATA


def opened(path, shape):
    return open_source(path, shape, np.random.default_rng(0))


def as_set(arrays):
    return {np.asarray(array, np.float32).tobytes() for array in arrays}


def idx(array):
    return struct.pack(f'>BBBB{array.ndim}I', 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def test_mnist_files(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 7, 6), dtype=np.uint8)
    path = tmp_path / 'train-images-idx3-ubyte.gz'
    path.write_bytes(gzip.compress(idx(images)))
    assert opened(path, (1, 7, 6)).take(5)[1] is None
    (tmp_path / 'train-labels-idx1-ubyte.gz').write_bytes(
        gzip.compress(idx(np.arange(5, dtype=np.uint8)))
    )
    data, labels = opened(path, (1, 7, 6)).take(5)
    np.testing.assert_array_equal(data[:, 0], images[labels])
    with pytest.raises(
        DataError, match=r'has 1 axes, not the 3 of images; give the \*-images-\* file'
    ):
        opened(tmp_path / 'train-labels-idx1-ubyte.gz', (1, 7, 6))
    (tmp_path / 'train-labels-idx1-ubyte.gz').write_bytes(
        gzip.compress(idx(np.arange(4, dtype=np.uint8)))
    )
    with pytest.raises(DataError, match='has 4 labels for 5 images'):
        opened(path, (1, 7, 6))


@pytest.mark.parametrize('name', ['data_batch_1.bin', 'data_batch_1.bin.xz'])
def test_cifar_files(tmp_path, name):
    records = np.random.default_rng(0).integers(0, 256, (4, 3073), dtype=np.uint8)
    records[:, 0] = range(4)
    content = records.tobytes()
    (tmp_path / name).write_bytes(lzma.compress(content) if name.endswith('.xz') else content)
    data, labels = opened(tmp_path / name, (3, 32, 32)).take(4)
    np.testing.assert_array_equal(data, records[labels, 1:].reshape(4, 3, 32, 32))


@pytest.mark.parametrize(
    'name, content, message',
    [
        ('a-ubyte', b'text', 'not an idx file of bytes: it must start with 0, 0, 8'),
        (
            'a-ubyte',
            idx(np.zeros((2, 3, 4), np.uint8))[:-1],
            r'damaged: its header says \(2, 3, 4\), found 23',
        ),
        ('a-ubyte', b'\0\0\x08\x03\0', 'truncated within its header'),
        ('a-ubyte.gz', b'text', 'a-ubyte.gz: cannot be read'),
        ('a.bin', b'text', 'its 4 bytes are not CIFAR-10 records of 3073'),
        ('a.bin.xz', b'text', 'a.bin.xz: cannot be read'),
    ],
)
def test_errors_of_published_files(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        opened(tmp_path / name, (1, 3, 4))


def test_embedded_digits():
    data, labels = open_embedded((1, 28, 28), np.random.default_rng(0)).take(2000)
    assert data.shape == (1797, 1, 28, 28) and data.min() == 0 and data.max() == 255
    assert set(labels) == set(range(10))
    eight = open_embedded((1, 8, 8), np.random.default_rng(0))
    levels = np.unique(np.rint(eight.take(50)[0] * 16 / 255))
    assert 'digits' in eight.describe and set(levels) == set(range(17))


def test_embedded_photographs():
    first, again, other = (
        open_embedded((3, 40, 24), np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert 'photographs' in first.describe
    data, labels = first.take(30)
    assert data.shape == (30, 3, 40, 24) and labels is None and 0 <= data.min() < data.max() <= 255
    np.testing.assert_array_equal(data, again.take(30)[0])
    assert not np.array_equal(data, other.take(30)[0])
    assert len(as_set(data)) == 30
    scaled = open_embedded(
        (3, 40, 24), np.random.default_rng(0), mean='104,117,123', scale=0.5
    ).take(30)[0]
    np.testing.assert_allclose(
        scaled, (data - np.float32([[[104]], [[117]], [[123]]])) / 2, atol=1e-4
    )


def test_embedded_photographs_are_blue_green_red(monkeypatch):
    plain = np.broadcast_to(np.uint8([10, 20, 30]), (50, 60, 3))
    monkeypatch.setattr('goodinit.netlib.data.embedded.photograph', lambda name: plain)
    data, _ = open_embedded((3, 8, 8), np.random.default_rng(0)).take(2)
    assert np.unique(data, axis=0).shape[0] == 1 and data[0, :, 0, 0].tolist() == [30, 20, 10]


def test_embedded_samples_are_scikit_learns():
    from sklearn.datasets import load_digits, load_sample_image

    for name in embedded.PHOTOGRAPHS:
        np.testing.assert_array_equal(embedded.photograph(name), load_sample_image(name))
    digits = load_digits()
    pixels, labels = open_embedded((1, 8, 8), np.random.default_rng(0)).take(100)
    levels = np.rint(digits.images * (255 / 16))
    for image, label in zip(pixels[:, 0], labels, strict=True):
        assert label in digits.target[(levels == image).all((1, 2))]


def test_samples_that_are_not_installed_are_said(monkeypatch):
    monkeypatch.setattr(embedded, 'find_spec', lambda name: None)
    with pytest.raises(
        DataError, match=r'scikit-learn has no file datasets/images/china.jpg; pass'
    ):
        open_embedded((3, 8, 8), np.random.default_rng(0))


@pytest.mark.parametrize('shape', [(2, 8, 8), (10,)])
def test_embedded_samples_have_one_or_three_channels(shape):
    with pytest.raises(
        DataError, match=r'are images of 1 or 3 channels, the net needs .*: pass your own data'
    ):
        open_embedded(shape, np.random.default_rng(0))


@pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason='needs the published data sets beside the repository'
)
@pytest.mark.parametrize(
    'name, shape',
    [
        ('mnist/train-images-idx3-ubyte.gz', (1, 28, 28)),
        ('cifar10/test_batch.bin.xz', (3, 32, 32)),
        ('imagenet_sample/list.txt', (3, 227, 227)),
    ],
)
def test_published_files(name, shape):
    samples = opened(PUBLISHED / name, shape)
    data, labels = samples.take(40)
    assert data.shape == (40, *shape) and len(set(labels)) > 5 and not samples.skipped
