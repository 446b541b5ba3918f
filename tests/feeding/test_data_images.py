"""Decoding, gray levels and resizing against Caffe's recorded pixels and against OpenCV."""

import io

import numpy as np
import places
import pytest
from goodinit.netlib.data.images import (
    ImageError,
    center_crop,
    cover,
    decode_image,
    resize,
    to_channels,
    to_gray,
)
from goodinit.netlib.errors import DataError
from PIL import Image

GOLDEN = places.GOLDEN / 'io'


def photo(height=60, width=90):
    """A smooth color image, uint8 (H, W, 3), red first."""
    noise = np.random.default_rng(0).integers(
        0, 256, (height // 10, width // 10, 3), dtype=np.uint8
    )
    return Image.fromarray(noise).resize((width, height))


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


SIXTEEN_BITS = Image.fromarray((np.arange(60 * 90).reshape(60, 90) * 12).astype(np.uint16))
ENCODED = {
    'jpeg': encoded(photo(), 'JPEG'),
    'jpeg 4:4:4': encoded(photo(), 'JPEG', subsampling=0),
    'jpeg gray': encoded(photo().convert('L'), 'JPEG'),
    'jpeg cmyk': encoded(photo().convert('CMYK'), 'JPEG'),
    'png': encoded(photo(), 'PNG'),
    'png gray': encoded(photo().convert('L'), 'PNG'),
    'png gray alpha': encoded(photo().convert('LA'), 'PNG'),
    'png alpha': encoded(photo().convert('RGBA'), 'PNG'),
    'png 1 bit': encoded(photo().convert('1'), 'PNG'),
    'png 16 bits': encoded(SIXTEEN_BITS, 'PNG'),
    'png palette': encoded(photo().convert('P'), 'PNG'),
    'png palette transparent': encoded(photo().convert('P'), 'PNG', transparency=bytes(range(200))),
    'bmp': encoded(photo(), 'BMP'),
    'tiff': encoded(photo(), 'TIFF'),
}


@pytest.mark.parametrize('path', sorted((GOLDEN / 'img').glob('*.png')), ids=lambda path: path.name)
def test_png_pixels_are_those_recorded(path):
    with np.load(GOLDEN / 'images_and_mean.npz') as golden:
        expected = golden[f'rgb/{path.name}'][:, :, ::-1].transpose(2, 0, 1)
    np.testing.assert_array_equal(decode_image(path), expected)


@pytest.mark.parametrize('name', ENCODED)
@pytest.mark.parametrize('color', [True, False, None])
def test_decodes_as_opencv(name, color):
    cv2 = pytest.importorskip('cv2')
    flag = {True: cv2.IMREAD_COLOR, False: cv2.IMREAD_GRAYSCALE, None: cv2.IMREAD_UNCHANGED}[color]
    expected = cv2.imdecode(np.frombuffer(ENCODED[name], np.uint8), flag)
    if expected.dtype == np.uint16:  # Caffe takes bytes only
        expected = (expected >> 8).astype(np.uint8)
    expected = np.atleast_3d(expected).transpose(2, 0, 1)
    np.testing.assert_array_equal(decode_image(ENCODED[name], color), expected)


@pytest.mark.parametrize(
    'size',
    [
        (12, 10, 5, 6),
        (12, 10, 33, 27),
        (31, 5, 8, 11),
        (64, 64, 32, 32),
        (8, 8, 28, 28),
        (7, 7, 1, 3),
        (97, 131, 60, 61),
        (1, 1, 4, 4),
        (30, 20, 30, 20),
    ],
)
def test_resizes_as_opencv(size):
    cv2 = pytest.importorskip('cv2')
    height, width, tall, wide = size
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    expected = cv2.resize(pixels, (wide, tall)).transpose(2, 0, 1).astype(int)
    resized = resize(pixels.transpose(2, 0, 1), tall, wide)
    assert resized.dtype == np.uint8 and abs(resized - expected).max() <= 1


def test_gray_as_opencv():
    cv2 = pytest.importorskip('cv2')
    pixels = np.random.default_rng(2).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    expected = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(int)
    assert abs(to_gray(pixels.transpose(2, 0, 1))[0] - expected).max() <= 1


@pytest.mark.parametrize(
    'shape, target',
    [((3, 40, 60), (20, 20)), ((1, 5, 9), (20, 10)), ((3, 7, 7), (7, 7)), ((3, 30, 17), (11, 13))],
)
def test_cover_keeps_the_aspect(shape, target):
    """A horizontal ramp stays one, with the step that the one scale factor gives."""
    ramp = np.broadcast_to(np.linspace(0, 250, shape[2]), shape).astype(np.uint8)
    covered = cover(ramp, *target)
    assert covered.shape == (shape[0], *target)
    factor = max(target[0] / shape[1], target[1] / shape[2])
    step = 250 / (shape[2] - 1) / factor
    inner = covered[0, 0, 2:-2].astype(float)
    assert np.diff(inner).mean() == pytest.approx(step, abs=0.6)


def test_center_crop_has_caffes_offset():
    array = np.arange(12 * 10).reshape(1, 12, 10)
    np.testing.assert_array_equal(center_crop(array, 5, 5), array[:, 3:8, 2:7])


def test_channels():
    gray, color = np.full((1, 2, 2), 9, np.uint8), np.full((3, 2, 2), 9, np.uint8)
    np.testing.assert_array_equal(to_channels(gray, 3), color)
    np.testing.assert_array_equal(to_channels(color, 1), gray)
    assert to_channels(color, 3) is color
    with pytest.raises(
        DataError, match=r'cat.png has 3 channels, the net needs 2: give an .npy file'
    ):
        to_channels(color, 2, 'cat.png')


@pytest.mark.parametrize(
    'content', [b'', b'not an image', ENCODED['png'][:200], ENCODED['jpeg'][:300]]
)
def test_unreadable_image_is_named(tmp_path, content):
    path = tmp_path / 'broken.jpg'
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r'broken\.jpg: cannot be read as an image'):
        decode_image(path)
    with pytest.raises(ImageError, match='key 7: cannot be read as an image'):
        decode_image(content, name='key 7')


def test_missing_image_is_named(tmp_path):
    with pytest.raises(ImageError, match=r'none\.jpg: no such file'):
        decode_image(tmp_path / 'none.jpg')


# The corner that has the first pixel of the stored image when it stands upright: (row, column).
UPRIGHT = {1: (0, 0), 2: (0, 1), 3: (1, 1), 4: (1, 0), 5: (0, 0), 6: (0, 1), 7: (1, 1), 8: (1, 0)}


@pytest.mark.parametrize('kind', ['JPEG', 'PNG', 'WEBP', 'TIFF'])
@pytest.mark.parametrize('orientation', UPRIGHT)
def test_exif_orientation_is_applied(orientation, kind):
    """As OpenCV does, unless the pixels are taken as stored."""
    pixels = np.zeros((16, 32), np.uint8)
    pixels[:8, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = encoded(Image.fromarray(pixels), kind, exif=exif)
    for color in (True, False):
        found = decode_image(turned, color)[0]
        assert found.shape == ((16, 32) if orientation < 5 else (32, 16))
        row, column = UPRIGHT[orientation]
        corner = found[-row * 8 :, -column * 8 :][:8, :8]
        assert corner.mean() > 200 and found.mean() < 60
    if kind != 'TIFF':
        assert decode_image(turned, None).shape[1:] == (16, 32)


def test_exif_orientation_is_opencv_s():
    cv2 = pytest.importorskip('cv2')
    exif = Image.Exif()
    for orientation in range(10):
        exif[0x0112] = orientation
        turned = encoded(photo(), 'PNG', exif=exif)
        theirs = cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR)
        np.testing.assert_array_equal(decode_image(turned), theirs.transpose(2, 0, 1))


def test_damaged_exif_is_passed_over():
    turned = encoded(photo(), 'JPEG', exif=b'Exif\0\0MM\0*\0\0\0')
    np.testing.assert_array_equal(decode_image(turned), decode_image(ENCODED['jpeg']))
