"""SSD's distort_param: colors beside OpenCV, and what each field does."""

import numpy as np
import pytest
from goodinit.netlib.data.colors import from_hsv, to_hsv
from goodinit.netlib.data.distortion import check_distortion, distorted
from goodinit.netlib.errors import DataError
from goodinit.proto.caffe_pb2 import DistortionParameter
from google.protobuf import text_format

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 24, 20), dtype=np.uint8)


def test_hsv_is_opencv_s():
    cv2 = pytest.importorskip('cv2')
    theirs = cv2.cvtColor(PIXELS.transpose(1, 2, 0), cv2.COLOR_BGR2HSV)
    np.testing.assert_array_equal(to_hsv(PIXELS).transpose(1, 2, 0), theirs)
    back = cv2.cvtColor(theirs, cv2.COLOR_HSV2BGR)
    np.testing.assert_allclose(from_hsv(to_hsv(PIXELS)).transpose(1, 2, 0), back, atol=1)


def test_grays_have_no_hue():
    gray = np.full((3, 2, 2), 90, np.uint8)
    np.testing.assert_array_equal(to_hsv(gray)[:, 0, 0], [0, 0, 90])
    np.testing.assert_array_equal(from_hsv(to_hsv(gray)), gray)


def distort(text, seed=0, pixels=PIXELS):
    p = text_format.Parse(text, DistortionParameter())
    return distorted(pixels, p, np.random.default_rng(seed), 'image')


def test_brightness_adds():
    changes = set()
    for seed in range(40):
        flat = np.full((3, 2, 2), 100, np.uint8)
        out = distort('brightness_prob: 1 brightness_delta: 30', seed, flat).astype(int)
        assert len(np.unique(out)) == 1
        changes.add(int(out[0, 0, 0]) - 100)
    assert min(changes) >= -30 and max(changes) <= 30 and len(changes) > 20


def test_contrast_multiplies():
    out = distort('contrast_prob: 1 contrast_lower: 0.5 contrast_upper: 0.5')
    np.testing.assert_array_equal(out, np.rint(PIXELS * 0.5))


def test_saturation_and_hue_change_those_of_hsv():
    none = distort('saturation_prob: 1 saturation_lower: 0 saturation_upper: 0')
    np.testing.assert_array_equal(none, np.broadcast_to(PIXELS.max(0), PIXELS.shape))
    turned = distort('hue_prob: 1 hue_delta: 18')
    moves = (to_hsv(turned)[0].astype(int) - to_hsv(PIXELS)[0] + 90) % 180 - 90
    assert 0 < abs(np.median(moves)) <= 18
    np.testing.assert_allclose(turned.max(0), PIXELS.max(0), atol=1)


def test_channels_in_random_order():
    levels = np.array([10, 20, 30], np.uint8)
    pixels = np.broadcast_to(levels[:, None, None], (3, 2, 2))
    orders = set()
    for seed in range(60):
        out = distort('random_order_prob: 1', seed, pixels)
        orders.add(tuple(out[:, 0, 0].tolist()))
    assert len(orders) == 6


def test_chances():
    fields = 'brightness_prob: 0.3 brightness_delta: 30'
    changed = sum(np.any(distort(fields, seed) != PIXELS) for seed in range(300))
    assert 60 < changed < 120
    np.testing.assert_array_equal(distort('brightness_delta: 30 hue_delta: 9'), PIXELS)


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ('hue_delta: -1', 'distort_param: hue_delta: found -1, needed: >= 0'),
        (
            'contrast_prob: 1 contrast_lower: 2 contrast_upper: 1',
            'found contrast_lower 2 and contrast_upper 1, needed: lower <= upper',
        ),
    ],
)
def test_ranges(fields, message):
    with pytest.raises(DataError, match=message):
        check_distortion(text_format.Parse(fields, DistortionParameter()))


def test_gray_images_have_no_colors():
    with pytest.raises(DataError, match='image: distort_param needs images of three channels of'):
        distort('', pixels=PIXELS[:1])
