"""caffe.io: messages, images and what prepares them, beside plain loops and other libraries."""

from math import floor

import numpy as np
import pytest
from goodinit.caffe import io
from goodinit.netlib.errors import DataError
from goodinit.proto.caffe_pb2 import BlobProto, Datum
from PIL import Image
from pycaffe_nets import normal

# -- messages


@pytest.mark.parametrize('shape', [(), (3,), (2, 3, 4, 5)])
def test_blobs(shape):
    data, diff = normal(*shape), normal(*shape, seed=1)
    blob = io.array_to_blobproto(data, diff)
    assert list(blob.shape.dim) == list(shape) and blob.data[:1] == data.ravel()[:1]
    for values, found in (
        (data, io.blobproto_to_array(blob)),
        (diff, io.blobproto_to_array(blob, return_diff=True)),
    ):
        np.testing.assert_array_equal(found, values)
        assert found.dtype == np.float64 and found.flags.writeable
    listed = io.blobprotovector_str_to_arraylist(io.arraylist_to_blobprotovector_str([data, diff]))
    for values, found in zip((data, diff), listed, strict=True):
        np.testing.assert_array_equal(found, values)


def test_blobs_of_the_older_format():
    blob = BlobProto(num=1, channels=2, height=1, width=3, data=range(6))
    np.testing.assert_array_equal(io.blobproto_to_array(blob), np.arange(6).reshape(1, 2, 1, 3))
    with pytest.raises(ValueError, match='needs 1 values, but has 6'):
        io.blobproto_to_array(BlobProto(data=range(6)))


def test_data():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert io.array_to_datum(pixels, 7) == Datum(
        channels=2, height=3, width=4, label=7, data=bytes(range(24))
    )
    assert not io.array_to_datum(pixels).HasField('label')
    for array in (pixels, normal(2, 3, 4), normal(2, 3, 4).astype(float)):
        datum = io.array_to_datum(array)
        assert len(datum.float_data) == (0 if array is pixels else 24)
        np.testing.assert_array_equal(io.datum_to_array(datum), array.astype(np.float32))
    with pytest.raises(
        ValueError,
        match=r'Incorrect array shape\. Found \(3, 4\), needed \(channels, height, width\)',
    ):
        io.array_to_datum(pixels[0])


def test_the_messages_are_found_here_too():
    """Deep dream asks for them here."""
    assert io.caffe_pb2.BlobProto is BlobProto


# -- images


def linear(image, height, width):
    """Bilinear interpolation pixel by pixel: a pixel is a square, and outside the image is its
    smallest value."""

    def value(y, x):
        inside = 0 <= y < image.shape[0] and 0 <= x < image.shape[1]
        return image[y, x].astype(float) if inside else np.full(image.shape[2], image.min(), float)

    out = np.zeros((height, width, image.shape[2]))
    for i in range(height):
        for j in range(width):
            y = (i + 0.5) * image.shape[0] / height - 0.5
            x = (j + 0.5) * image.shape[1] / width - 0.5
            for a in (0, 1):
                for b in (0, 1):
                    weight = abs(1 - a - (y - floor(y))) * abs(1 - b - (x - floor(x)))
                    out[i, j] += weight * value(floor(y) + a, floor(x) + b)
    return out


@pytest.mark.parametrize('size', [(4, 9), (11, 3), (5, 6), (1, 1)])
@pytest.mark.parametrize('channels', [1, 3])
def test_resize(size, channels):
    image = normal(5, 6, channels)
    out = io.resize_image(image, size)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, linear(image, *size), atol=1e-5)


def test_resize_of_other_channels_keeps_the_corners():
    image = normal(5, 6, 4)
    out = io.resize_image(image, (9, 11))
    np.testing.assert_allclose(out[::2, ::2], image, atol=1e-6)
    np.testing.assert_allclose(out[1::2, ::2], (image[1:] + image[:-1]) / 2, atol=1e-6)


def test_resize_by_nearest_and_by_cubic():
    image = normal(4, 4, 3)
    np.testing.assert_array_equal(
        io.resize_image(image, (8, 8), interp_order=0), image.repeat(2, 0).repeat(2, 1)
    )
    cubic = io.resize_image(image, (9, 9), interp_order=3)
    assert image.min() <= cubic.min() and cubic.max() <= image.max()
    np.testing.assert_array_equal(
        io.resize_image(np.full((2, 2, 3), 5.0), (7, 3)), np.full((7, 3, 3), 5)
    )


PIXELS = np.arange(0, 240, 2, np.uint8).reshape(5, 8, 3)


@pytest.mark.parametrize(
    'array, mode, color, gray',
    [
        (PIXELS, 'RGB', PIXELS / 255, PIXELS / 255 @ [0.2125, 0.7154, 0.0721]),
        (
            np.dstack([PIXELS, PIXELS[..., :1]]),
            'RGBA',
            PIXELS / 255,
            PIXELS / 255 @ [0.2125, 0.7154, 0.0721],
        ),
        (PIXELS[..., 0], 'L', PIXELS[..., [0, 0, 0]] / 255, PIXELS[..., 0] / 255),
        (PIXELS[..., 0] > 99, '1', np.repeat(PIXELS[..., :1] > 99, 3, 2), PIXELS[..., 0] > 99),
        (
            PIXELS[..., 0].astype(np.uint16) * 256,
            'I;16',
            PIXELS[..., [0, 0, 0]] * 256.0 / 65535,
            PIXELS[..., 0].astype(float) * 256 / 65535,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else '',
)
def test_load_image(array, mode, color, gray, tmp_path):
    image = Image.fromarray(array)
    assert image.mode == mode
    image.save(tmp_path / 'x.png')
    found = io.load_image(tmp_path / 'x.png')
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, color, atol=1e-6)
    np.testing.assert_allclose(
        io.load_image(tmp_path / 'x.png', color=False)[..., 0], gray, atol=1e-6
    )


def test_what_is_no_image(tmp_path):
    with pytest.raises(DataError, match=r'no\.png: cannot be read as an image'):
        io.load_image(tmp_path / 'no.png')
    Image.new('1', (60_000, 40_000)).save(tmp_path / 'bomb.png')
    with pytest.raises(
        DataError, match=r'bomb\.png: cannot be read as an image \(Image size .* exceeds limit'
    ):
        io.load_image(tmp_path / 'bomb.png')


def test_oversample():
    """Corners and center, then their mirror images, image by image."""
    images = normal(2, 7, 9, 3)
    crops = io.oversample(images, (4, 5))
    assert crops.shape == (20, 4, 5, 3) and crops.dtype == np.float32
    for k, image in enumerate(images):
        for i, (y, x) in enumerate([(0, 0), (0, 4), (3, 0), (3, 4), (1, 2)]):
            crop = image[y : y + 4, x : x + 5]
            np.testing.assert_array_equal(crops[10 * k + i], crop)
            np.testing.assert_array_equal(crops[10 * k + 5 + i], crop[:, ::-1])


# -- Transformer


def transformer(size=(4, 6)):
    out = io.Transformer({'data': (10, 3, *size)})
    out.set_transpose('data', (2, 0, 1))
    out.set_channel_swap('data', (2, 0, 1))
    out.set_raw_scale('data', 255)
    out.set_mean('data', np.array([104.0, 117.0, 123.0]))
    out.set_input_scale('data', 0.1)
    return out


def test_preprocess_and_back():
    image = normal(4, 6, 3)
    before = image.copy()
    out = transformer().preprocess('data', image)
    for k, (channel, mean) in enumerate(((2, 104), (0, 117), (1, 123))):
        np.testing.assert_allclose(
            out[k], (image[..., channel] * 255 - mean) * 0.1, rtol=1e-4, atol=1e-4
        )
    np.testing.assert_array_equal(image, before)
    np.testing.assert_allclose(transformer().deprocess('data', out[None]), image, atol=1e-5)


def test_preprocess_resizes():
    image = normal(9, 9, 3)
    np.testing.assert_allclose(
        transformer().preprocess('data', image),
        transformer().preprocess('data', io.resize_image(image, (4, 6))),
        rtol=1e-6,
    )


def test_without_settings_only_the_size_changes():
    image = normal(4, 6, 3)
    out = io.Transformer({'data': [1, 3, 4, 6]}).preprocess('data', image)
    np.testing.assert_array_equal(out, image)


@pytest.mark.parametrize('shape', [(3, 4, 6), (3, 8, 8), (4, 6), (8, 8)])
def test_a_mean_image_is_resized(shape):
    t = transformer()
    t.set_mean('data', np.full(shape, 7.0))
    image = normal(4, 6, 3)
    np.testing.assert_allclose(
        t.preprocess('data', image)[1], (image[..., 0] * 255 - 7) * 0.1, rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize(
    'error, call, message',
    [
        (
            DataError,
            lambda t: t.set_raw_scale('image', 1),
            "'image' is not one of the net inputs: data",
        ),
        (
            DataError,
            lambda t: t.preprocess('image', normal(4, 6, 3)),
            "'image' is not one of the net inputs: data",
        ),
        (
            DataError,
            lambda t: t.set_transpose('data', (1, 0)),
            'Transpose order needs .* Found 2, needed 3',
        ),
        (
            DataError,
            lambda t: t.set_channel_swap('data', (1, 0)),
            'Channel swap needs .* Found 2, needed 3',
        ),
        (
            ValueError,
            lambda t: t.set_mean('data', np.ones(4)),
            'Mean channels incompatible with input. Found 4, needed 3',
        ),
        (ValueError, lambda t: t.set_mean('data', np.ones((1, 1, 1, 1))), 'Mean shape invalid'),
    ],
)
def test_settings_that_do_not_fit(error, call, message):
    with pytest.raises(error, match=message):
        call(transformer())
