"""Windows of a photograph: where they are, and what they show."""

import numpy as np
import pytest
from goodinit.netlib.data.images import decode_image, resize
from goodinit.voc.windows import (
    Window,
    center_window,
    cut_windows,
    random_window,
    ten_windows,
)
from mini_devkit import YEAR

IMAGE = YEAR / 'JPEGImages' / '000002.jpg'  # 128 x 96


def test_a_window_of_the_crop_s_size_is_cut_out():
    [cut] = cut_windows(IMAGE, [Window(5, 7, 32)], 32)
    np.testing.assert_array_equal(cut, decode_image(IMAGE)[:, 7:39, 5:37])


def test_a_mirrored_window_is_turned_around():
    windows = [Window(5, 7, 32), Window(5, 7, 32, mirror=True)]
    cut, mirrored = cut_windows(IMAGE, windows, 32)
    np.testing.assert_array_equal(mirrored, cut[:, :, ::-1])


def test_a_smaller_window_is_interpolated_as_the_whole_image_would_be():
    """The rescaled image, cut, and the cut, rescaled, are alike except at the border, where the
    one sees beyond the window."""
    [cut] = cut_windows(IMAGE, [Window(20, 30, 40)], 80)
    whole = resize(decode_image(IMAGE), 96 * 2, 128 * 2)
    part = whole[:, 60:140, 40:120].astype(int)
    assert np.abs(cut[:, 2:-2, 2:-2] - part[:, 2:-2, 2:-2]).max() <= 2


def test_random_windows_cover_the_image_and_stay_in_it():
    rng = np.random.default_rng(0)
    windows = [random_window(128, 96, 40, (0.5, 2.0), rng.random(4)) for _ in range(500)]
    sides = np.array([window.side for window in windows])
    left = np.array([window.left for window in windows])
    top = np.array([window.top for window in windows])
    assert sides.min() >= 40 / 2 and 75 < sides.max() <= 80
    assert left.min() >= 0 and 100 < (left + sides).max() <= 128
    assert top.min() >= 0 and 90 < (top + sides).max() <= 96
    assert 200 < sum(window.mirror for window in windows) < 300


def test_a_factor_that_leaves_less_than_the_crop_takes_the_whole_short_side():
    window = random_window(128, 96, 90, (0.5, 0.5), np.array([0, 0.5, 0.5, 0.9]))
    assert window == Window(16, 0, 96, mirror=False)


def test_the_middle():
    assert center_window(128, 96, 90) == Window(19, 3, 90)


def test_ten_windows_are_the_middle_and_the_corners_with_their_mirrors():
    windows = list(ten_windows(128, 96, 90))
    places = [(window.left, window.top) for window in windows]
    assert places[::2] == places[1::2] == [(19, 3), (0, 0), (38, 0), (0, 6), (38, 6)]
    assert [window.mirror for window in windows] == [False, True] * 5
    assert {window.side for window in windows} == {90}


@pytest.mark.parametrize('side', [96, 24])
def test_shapes(side):
    cut = cut_windows(IMAGE, [Window(0, 0, side)] * 3, 48)
    assert cut.shape == (3, 3, 48, 48) and cut.dtype == np.uint8
