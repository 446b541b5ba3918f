"""Transformer: windows, draws and errors (the recorded sequences are in test_data_golden.py)."""

import json

import numpy as np
import places
import pytest
from goodinit.netlib.data.array_files import read_mean
from goodinit.netlib.data.transform import Transformer
from goodinit.netlib.errors import DataError
from goodinit.proto import caffe_pb2
from google.protobuf import text_format

GOLDEN = places.GOLDEN / 'io'
PIXELS = np.random.default_rng(0).integers(0, 256, (3, 12, 10), dtype=np.uint8)


def transformer(text, phase='TEST'):
    param = text_format.Parse(text, caffe_pb2.TransformationParameter())
    return Transformer(param, caffe_pb2.Phase.Value(phase))


def transformed(transform, pixels, rng=None, name='image'):
    return written(transform(pixels, transform.draw(rng or np.random.default_rng(0)), name))


def written(patch):
    out = np.empty(patch.pixels.shape, np.float32)
    patch.write(out)
    return out


def outcome(values):
    """(row, column, mirrored) of a crop of PIXELS; None if it is no crop of them."""
    height, width = values.shape[1:]
    for mirrored, crop in ((False, values), (True, values[:, :, ::-1])):
        for row in range(PIXELS.shape[1] - height + 1):
            for column in range(PIXELS.shape[2] - width + 1):
                if np.array_equal(PIXELS[:, row : row + height, column : column + width], crop):
                    return row, column, mirrored
    return None


@pytest.mark.parametrize('case', ['crop5_train', 'mirror_test', 'mirror_crop_train'])
def test_random_crops_and_mirrors_are_distributed_as_recorded(case):
    facts = json.loads((GOLDEN / 'random_transform_facts.json').read_text())[case]
    transform = transformer(facts['transform_param'], facts['phase'])
    rng = np.random.default_rng(1)
    seen = [outcome(transformed(transform, PIXELS, rng)) for _ in range(facts['images'])]
    assert None not in seen
    assert len({place[:2] for place in seen}) == facts['possible_offsets']
    mirrored = np.mean([place[2] for place in seen])
    assert mirrored == pytest.approx(facts['mirrored_fraction'], abs=0.1)


def test_draws_reach_the_corners_and_mirror_in_half():
    transform = transformer('crop_size: 4 mirror: true', 'TRAIN')
    last = 1 - 2.0**-53  # the greatest number that a generator gives
    assert outcome(written(transform(PIXELS, np.array([0, 0, 0.5])))) == (0, 0, False)
    assert outcome(written(transform(PIXELS, np.array([last, last, 0.49])))) == (8, 6, True)


def test_mean_file_is_indexed_at_the_crop_and_not_mirrored():
    transform = transformer('')
    transform.param.crop_size, transform.param.mirror = 3, True
    transform.mean = PIXELS.astype(np.float32)
    assert not any(
        transformed(transform, PIXELS, np.random.default_rng(seed)).any() for seed in range(20)
    )


@pytest.mark.parametrize(
    'text, color, shape',
    [
        ('', None, (3, 12, 10)),
        ('force_color: true', True, (3, 12, 10)),
        ('force_gray: true crop_size: 5', False, (3, 5, 5)),
    ],
)
def test_color_and_shape(text, color, shape):
    transform = transformer(text)
    values = transformed(transform, PIXELS)
    assert transform.color is color and values.shape == shape


def test_pixels_are_left_as_they_were():
    values = np.ones((3, 4, 4), np.float32)
    transformed(transformer('scale: 2 mean_value: 3'), values)
    assert (values == 1).all()


@pytest.mark.parametrize(
    'text, message',
    [
        (
            'mean_file: "m" mean_value: 1',
            'Cannot specify mean_file and mean_value at the same time',
        ),
        ('force_color: true force_gray: true', 'cannot set both force_color and force_gray'),
        (
            'mean_value: 1 mean_value: 2',
            'cat.png: Specify either 1 mean_value or as many as channels: 3; found 2',
        ),
        (
            'crop_size: 11',
            r'cat.png is 12 x 10, smaller than crop_size 11; resize it to at least 11 x 11 or',
        ),
        (
            'mean_file: "nowhere.binaryproto"',
            'mean file nowhere.binaryproto: cannot be read .File not found',
        ),
    ],
)
def test_errors(text, message):
    with pytest.raises(DataError, match=message):
        transformed(transformer(text), PIXELS, name='cat.png')


def test_mean_of_another_size():
    transform = transformer(f'mean_file: "{GOLDEN / "mean.binaryproto"}"')
    with pytest.raises(
        DataError, match=r'cat.png is 3 x 9 x 9, but mean_file .* is 3 x 12 x 10; resize'
    ):
        transformed(transform, PIXELS[:, :9, :9], name='cat.png')


def test_reads_means(tmp_path):
    with np.load(GOLDEN / 'images_and_mean.npz') as golden:
        expected = golden['mean'][0]
    mean = read_mean(GOLDEN / 'mean.binaryproto')
    assert mean.dtype == np.float32
    np.testing.assert_array_equal(mean, expected)
    blob = caffe_pb2.BlobProto(double_data=expected.ravel())
    blob.shape.dim.extend(expected.shape)
    (tmp_path / 'shaped.binaryproto').write_bytes(blob.SerializeToString())
    np.save(tmp_path / 'mean.npy', expected)
    for name in 'shaped.binaryproto', 'mean.npy':
        np.testing.assert_array_equal(read_mean(tmp_path / name), expected)


@pytest.mark.parametrize(
    'name, content, message',
    [
        (
            'm.binaryproto',
            b'\xff\xff',
            'cannot be read .* needed: a BlobProto as written by compute_image_mean',
        ),
        *(
            ('m.npy', content, 'cannot be read')
            for content in (b'', b'text', b'\x93NUMPY\1\0\x08\0{( ,    ')
        ),
        (
            'm.binaryproto',
            caffe_pb2.BlobProto(num=1, channels=3, height=2, width=2, data=[1]).SerializeToString(),
            'blob of shape 1 x 3 x 2 x 2 needs 12 values',
        ),
    ],
)
def test_unreadable_means(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_mean(tmp_path / name)


def test_mean_without_channels(tmp_path):
    np.save(tmp_path / 'flat.npy', np.ones((4, 5)))
    assert read_mean(tmp_path / 'flat.npy').shape == (1, 4, 5)
    np.save(tmp_path / 'row.npy', np.zeros(4))
    needed = r'needed: \(C, H, W\) or \(H, W\)'
    with pytest.raises(DataError, match=rf'row.npy: its shape is 4, {needed}'):
        read_mean(tmp_path / 'row.npy')
