"""SSD's noise_param: each step beside OpenCV, and fields that have no effect."""

import io
import sys
import warnings

import numpy as np
import pytest
from goodinit.netlib.data.noise import UNUSED, noised
from goodinit.netlib.data.transform import Transformer
from goodinit.netlib.errors import DataError, GoodinitError
from goodinit.netlib.rng import make_rng
from goodinit.proto.caffe_pb2 import TEST, NoiseParameter, TransformationParameter
from google.protobuf import text_format
from PIL import Image

# Smooth, so that JPEG says little else than it.
ROWS, COLUMNS = np.mgrid[:24, :20]
PIXELS = np.stack([60 + 5 * ROWS, 200 - 6 * COLUMNS, 40 + 3 * ROWS + 4 * COLUMNS]).astype(np.uint8)


# OpenCV computes in fixed point.
TOLERANCE = {'hist_eq': 3, 'clahe': 3, 'gauss_blur': 2}


def noise(text, pixels=PIXELS, seed=0):
    p = text_format.Parse(text, NoiseParameter())
    return noised(pixels, p, make_rng(seed), 'image')


def opencv_s(field, image, cv2):
    if field == 'decolorize':
        return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if field == 'gauss_blur':
        return cv2.GaussianBlur(image, (7, 7), 1.5)
    if field == 'erode':
        element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3), (1, 1))
        return cv2.erode(image, element)
    if field == 'convert_to_hsv':
        return cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    if field == 'inverse':
        return cv2.bitwise_not(image)
    parts = cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb)
    change = cv2.equalizeHist if field == 'hist_eq' else cv2.createCLAHE(4).apply
    parts[..., 0] = change(parts[..., 0])
    return cv2.cvtColor(parts, cv2.COLOR_YCrCb2BGR)


@pytest.mark.parametrize(
    'field', ['decolorize', 'gauss_blur', 'erode', 'convert_to_hsv', 'inverse', 'hist_eq', 'clahe']
)
@pytest.mark.parametrize('is_random', [False, True])
def test_as_opencv_does_it(field, is_random):
    cv2 = pytest.importorskip('cv2')
    pixels = PIXELS
    if is_random:
        pixels = np.random.default_rng(1).integers(0, 256, PIXELS.shape, dtype=np.uint8)
    image = np.ascontiguousarray(pixels.transpose(1, 2, 0))
    theirs = opencv_s(field, image, cv2).transpose(2, 0, 1)
    ours = noise(f'{field}: true', pixels)
    np.testing.assert_allclose(ours.astype(int), theirs, atol=TOLERANCE.get(field, 1))
    assert (ours != pixels).any()


def test_gray_levels_are_made_even():
    cv2 = pytest.importorskip('cv2')
    gray = PIXELS[:1] // 2
    np.testing.assert_array_equal(noise('hist_eq: true', gray)[0], cv2.equalizeHist(gray[0]))
    flat = np.full((1, 4, 4), 9, np.uint8)
    np.testing.assert_array_equal(noise('hist_eq: true decolorize: true', flat), flat)


def test_clahe_needs_opencv(monkeypatch):
    monkeypatch.setitem(sys.modules, 'cv2', None)
    with pytest.raises(GoodinitError, match=r"needs the package 'cv2' .*goodinit\[regions\]"):
        noise('clahe: true')


def test_posterize_has_four_levels():
    assert set(np.unique(noise('posterize: true'))) <= {32, 96, 160, 224}


def test_jpeg_is_that_of_the_quality():
    file = io.BytesIO()
    Image.fromarray(PIXELS[::-1].transpose(1, 2, 0)).save(file, 'JPEG', quality=10)
    theirs = np.asarray(Image.open(file)).transpose(2, 0, 1)[::-1]
    np.testing.assert_array_equal(noise('jpeg: 10'), theirs)
    errors = [np.abs(noise(f'jpeg: {q}').astype(int) - PIXELS).mean() for q in (5, 95)]
    assert errors[0] > 2 * errors[1] > 0


def test_salt_and_pepper():
    fields = 'saltpepper: true saltpepper_param { fraction: 0.1 value: 255 }'
    out = noise(fields, PIXELS // 2)
    hit = (out == 255).all(0)
    assert 30 < hit.sum() <= 48  # of 480 pixels
    np.testing.assert_array_equal(out[:, ~hit], (PIXELS // 2)[:, ~hit])
    np.testing.assert_array_equal(out, noise(fields, PIXELS // 2))
    assert (out != noise(fields, PIXELS // 2, seed=1)).any()


@pytest.mark.parametrize(
    ('fields', 'pixels', 'message'),
    [
        ('inverse: true', PIXELS[:2], 'image: noise_param needs images of one or three channels'),
        ('inverse: true', PIXELS.astype(float), 'noise_param needs images of one or three channe'),
        ('convert_to_hsv: true', PIXELS[:1], 'noise_param: convert_to_hsv needs three channels'),
        (
            'saltpepper: true saltpepper_param { value: 1 value: 2 }',
            PIXELS,
            'saltpepper_param: value: found 2 for an image of 3 channels, needed: 1, or one for e',
        ),
    ],
)
def test_images_that_do_not_fit(fields, pixels, message):
    with pytest.raises(DataError, match=message):
        noise(fields, pixels)


EXAMPLES = {
    'prob': 'prob: 1',
    'jpeg': 'jpeg: 20',
    'saltpepper_param': 'saltpepper: true saltpepper_param { fraction: 0.5 value: 255 }',
    'saltpepper': 'saltpepper: true saltpepper_param { fraction: 0.5 value: 255 }',
}


@pytest.mark.parametrize('field', NoiseParameter.DESCRIPTOR.fields_by_name)
def test_no_field_is_silent(field):
    if field == 'clahe':
        pytest.importorskip('cv2')
    text = EXAMPLES.get(field, f'{field}: true')
    param = text_format.Parse(f'noise_param {{ {text} }}', TransformationParameter())
    if field in UNUSED:
        with pytest.warns(UserWarning, match=f'without effect here: noise_param.{field}'):
            Transformer(param, TEST)
        return
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        transform = Transformer(param, TEST)
    patch = transform(PIXELS, np.full(4, 0.3))
    assert (patch.pixels != PIXELS).any()
