"""What --data accepts, what Samples makes of it."""

import shutil
from pathlib import Path

import numpy as np
import places
import pytest
from goodinit.netlib.data.databases import datum_to_array, open_database, parse_datum
from goodinit.netlib.data.images import center_crop, cover, decode_image
from goodinit.netlib.data.samples import fit_mean
from goodinit.netlib.data.sources import open_source
from goodinit.netlib.errors import DataError

GOLDEN = places.GOLDEN / 'io'
COLOUR = [GOLDEN / 'img' / f'c{index}.png' for index in range(5)]


def opened(spec, shape=(3, 12, 10), seed=0, **options):
    return open_source(spec, shape, np.random.default_rng(seed), **options)


def as_set(arrays):
    return {np.asarray(array, np.float32).tobytes() for array in arrays}


def lists(tmp_path, text):
    """A list file beside a link to the images."""
    (tmp_path / 'img').symlink_to(GOLDEN / 'img')
    (tmp_path / 'list.txt').write_text(text)
    return tmp_path / 'list.txt'


def saved(tmp_path, array, name='x.npy'):
    np.save(tmp_path / name, array)
    return tmp_path / name


def test_folders_are_searched_with_their_subfolders():
    samples = opened(GOLDEN)
    assert len(samples) == len(list((GOLDEN / 'img').iterdir())) and not samples.skipped
    assert as_set(samples) == as_set(
        cover(decode_image(p), 12, 10) for p in (GOLDEN / 'img').iterdir()
    )


def test_globs_and_single_images():
    expected = [decode_image(path) for path in COLOUR]
    assert as_set(opened(f'{GOLDEN}/img/c?.png')) == as_set(expected)
    np.testing.assert_array_equal(opened(COLOUR[0]).take(9)[0], expected[:1])


def test_lists_keep_labels():
    samples = opened(GOLDEN / 'list_imagedata_same.txt')
    data, labels = samples.take(5)
    by_label = dict(zip([3, 0, 7, 1, 2], COLOUR, strict=True))
    for values, label in zip(data, labels, strict=True):
        np.testing.assert_array_equal(values, decode_image(by_label[label]))


def test_lists_without_labels(tmp_path):
    data, labels = opened(lists(tmp_path, 'img/c0.png\n\nimg/c1.png\n')).take(2)
    assert labels is None and as_set(data) == as_set(map(decode_image, COLOUR[:2]))


@pytest.mark.parametrize('folder', ['lmdb_raw', 'lmdb_encoded', 'lmdb_gray', 'lmdb_sizes_encoded'])
def test_lmdb_gives_images_and_labels(folder):
    database = open_database(GOLDEN / folder)
    for path in GOLDEN / folder, GOLDEN / folder / 'data.mdb':
        data, labels = opened(path, (1, 9, 9)).take(100)
        assert data.shape == (len(database.keys()), 1, 9, 9) and 0 <= data.min() < data.max() <= 255
        assert sorted(labels) == sorted(parse_datum(value).label for _, value in database)


def test_leveldb_gives_what_lmdb_gives(tmp_path):
    shutil.copytree(GOLDEN / 'leveldb_raw', tmp_path / 'leveldb_raw')
    found, expected = opened(tmp_path / 'leveldb_raw'), opened(GOLDEN / 'lmdb_raw')
    assert found.describe == f'{tmp_path}/leveldb_raw (LevelDB, 5 datums)'
    for ours, theirs in zip(found.take(9), expected.take(9), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_float_datums_are_cut_not_resized():
    pairs = open_database(GOLDEN / 'lmdb_features')
    expected = [datum_to_array(parse_datum(value))[:, 1:3, 1:3] for _, value in pairs]
    assert as_set(opened(GOLDEN / 'lmdb_features', (3, 2, 2))) == as_set(expected)


def test_arrays(tmp_path):
    rows = np.random.default_rng(0).normal(size=(6, 3, 14, 11)).astype(np.float32)
    cut = rows[:, :, 1:13, 0:10]
    assert as_set(opened(saved(tmp_path, rows))) == as_set(cut)
    np.savez(tmp_path / 'one.npz', rows)
    np.savez(tmp_path / 'named.npz', data=rows, other=np.zeros(3), label=np.arange(6))
    assert as_set(opened(tmp_path / 'one.npz')) == as_set(cut)
    data, labels = opened(tmp_path / 'named.npz').take(6)
    np.testing.assert_array_equal(data, cut[labels])


def test_vectors(tmp_path):
    rows = np.arange(20).reshape(4, 5)
    assert as_set(opened(saved(tmp_path, rows), (5,), mean='1', scale=0.5)) == as_set(
        (rows - 1) / 2
    )


@pytest.mark.parametrize(
    'mean, expected',
    [
        (None, 0),
        ([104.5], 104.5),
        (104.5, 104.5),
        ('104.5', 104.5),
        ('104,117,123', [[[104]], [[117]], [[123]]]),
        ((1, 2, 3), [[[1]], [[2]], [[3]]]),
    ],
)
def test_mean_and_scale(mean, expected):
    pixels = decode_image(COLOUR[0]).astype(np.float32)
    values = opened(COLOUR[0], mean=mean, scale=0.25).take(1)[0][0]
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, (pixels - np.float32(expected)) * np.float32(0.25))


def test_mean_files_are_cut_at_the_centre():
    with np.load(GOLDEN / 'images_and_mean.npz') as golden:
        mean = golden['mean'][0]
    np.testing.assert_array_equal(
        fit_mean(GOLDEN / 'mean.binaryproto', (3, 7, 5)), center_crop(mean, 7, 5)
    )
    np.testing.assert_array_equal(fit_mean(str(GOLDEN / 'mean.binaryproto'), (3, 12, 10)), mean)


def test_crop_cuts_before_it_resizes():
    pixels = decode_image(COLOUR[0])
    np.testing.assert_array_equal(
        opened(COLOUR[0], (3, 6, 6), crop=6).take(1)[0][0], pixels[:, 3:9, 2:8]
    )
    np.testing.assert_array_equal(
        opened(COLOUR[0], (3, 4, 4), crop=6).take(1)[0][0], cover(pixels[:, 3:9, 2:8], 4, 4)
    )


def test_order_is_random_but_seeded():
    first, again, other = (
        [x.tobytes() for x in opened(GOLDEN / 'img', seed=seed)] for seed in (1, 1, 2)
    )
    assert first == again and first != other and set(first) == set(other)
    samples = opened(GOLDEN / 'img', seed=1)
    assert [x.tobytes() for x in samples.take(4)[0]] == first[:4]
    assert [len(data) for data, _ in samples.batches(6)] == [6, 6, len(first) - 12]


def test_unreadable_images_are_skipped_and_listed(tmp_path):
    path = lists(tmp_path, 'img/c0.png\nbroken.png\nnone.png\nimg/c1.png')
    (tmp_path / 'broken.png').write_bytes(b'text')
    samples = opened(path)
    assert len(list(samples)) == 2 == len(list(samples))
    assert {Path(name).name: reason.partition(' (')[0] for name, reason in samples.skipped} == {
        'broken.png': 'cannot be read as an image',
        'none.png': 'no such file',
    }


def test_images_smaller_than_the_crop_are_skipped():
    samples = opened(GOLDEN / 'img', crop=11)
    assert list(samples)
    assert (str(COLOUR[0]), 'is 12 x 10, smaller than the crop of 11') in samples.skipped


def test_no_usable_image(tmp_path):
    with pytest.raises(DataError, match=r'none of the 2 images are usable; .*a.png: no such file'):
        opened(lists(tmp_path, 'a.png 1\na.png 2')).take(1)


@pytest.mark.parametrize(
    'spec, shape, message',
    [
        ('nowhere', (3, 4, 4), 'data nowhere: no such file or folder'),
        (
            'none*.png',
            (3, 4, 4),
            r'data none\*.png: contains no images; needed: a folder of images',
        ),
        ('empty', (3, 4, 4), 'data empty: contains no images'),
        ('blank.txt', (3, 4, 4), 'data blank.txt: contains no images'),
        ('binary.txt', (3, 4, 4), 'data binary.txt: cannot be read as a list of images'),
        (
            'mixed.txt',
            (3, 4, 4),
            "'b.png' has no label, but other lines have one: give every line a label, or none",
        ),
        ('x.unknown', (3, 4, 4), 'data x.unknown: unknown file type; needed: a folder'),
        (
            'img',
            (2, 4, 4),
            r'data img: images have 1 or 3 channels, the net needs 2 x 4 x 4; give an .npy file '
            r'of shape \(N, 2, 4, 4\)',
        ),
        ('img', (30,), 'the net needs 30; give an .npy'),
        ('lmdb_raw', (2, 4, 4), 'lmdb_raw, key 0000000._c..png has 3 channels, the net needs 2'),
        ('leveldb', (3, 4, 4), 'database leveldb: cannot be opened as LevelDB'),
    ],
)
def test_errors(tmp_path, monkeypatch, spec, shape, message):
    monkeypatch.chdir(tmp_path)
    for name in 'empty', 'leveldb':
        (tmp_path / name).mkdir()
    for name in 'img', 'lmdb_raw':
        (tmp_path / name).symlink_to(GOLDEN / name)
    for name, content in {
        'leveldb/CURRENT': b'',
        'blank.txt': b'\n',
        'binary.txt': b'\xff\xfe',
        'mixed.txt': b'a.png 1\nb.png',
        'x.unknown': b'',
    }.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        opened(spec, shape).take(1)


@pytest.mark.parametrize(
    'array, message',
    [
        (
            np.zeros((4, 12, 10, 3)),
            r'x.npy, sample \d is 12 x 10 x 3, the net needs 3 x 12 x 10 .*transpose to',
        ),
        (np.zeros((4, 3, 12, 9)), 'is 3 x 12 x 9, the net needs 3 x 12 x 10'),
        (np.zeros((4, 1, 12, 10), np.uint8), 'is 1 x 12 x 10, the net needs 3 x 12 x 10'),
        (np.zeros(4), r'found float64 of shape \(4,\), needed: numbers of shape \(N, C, H, W\)'),
        (np.array([['a']]), 'needed: numbers of shape'),
        (np.zeros((0, 3, 12, 10)), 'cannot be read as NumPy arrays|contains no samples'),
        (
            np.where(np.arange(720).reshape(2, 3, 12, 10) == 492, np.nan, 0),
            r'sample 1 contains NaN or infinity; the first is at index \(1, 1, 1, 2\)',
        ),
        (
            np.array([[1, np.inf]]),
            r'sample 0 contains NaN or infinity; the first is at index \(0, 1\)',
        ),
    ],
)
def test_errors_of_arrays(tmp_path, array, message):
    with pytest.raises(DataError, match=message):
        opened(saved(tmp_path, array)).take(1)


@pytest.mark.parametrize(
    'arrays, message',
    [
        (
            {'a': np.zeros((2, 1)), 'b': np.zeros((2, 1))},
            "holds a, b; needed: an array named 'data'",
        ),
        (
            {'data': np.zeros((2, 3)), 'label': np.zeros(3)},
            r"'label' has shape \(3,\), needed: \(2,\)",
        ),
        ({'data': np.array([None])}, 'cannot be read as NumPy arrays'),
    ],
)
def test_errors_of_npz(tmp_path, arrays, message):
    np.savez(tmp_path / 'x.npz', **arrays)
    with pytest.raises(DataError, match=message):
        opened(tmp_path / 'x.npz', (3,))


@pytest.mark.parametrize('name', ['x.npy', 'x.npz'])
@pytest.mark.parametrize('content', [b'', b'text', b'\x93NUMPY\1\0\x08\0{( ,    '])
def test_no_numpy_file(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match='cannot be read as NumPy arrays'):
        opened(tmp_path / name)


@pytest.mark.parametrize(
    'mean, message',
    [
        ('1,2', r'mean: found 2 numbers, needed: 1, or 3 \(one per channel\)'),
        ('nowhere.npy', 'mean file nowhere.npy: cannot be read .*File not found'),
        (
            GOLDEN / 'mean.binaryproto',
            r'mean file .* is 3 x 12 x 10, the net needs 3 x 20 x 20; give one',
        ),
    ],
)
def test_errors_of_means(mean, message):
    with pytest.raises(DataError, match=message):
        opened(COLOUR[0], (3, 20, 20), mean=mean)
