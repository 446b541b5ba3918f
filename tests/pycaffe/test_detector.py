"""Detector: windows, what surrounds them, and what the net says of them."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from goodinit.caffe import detector
from goodinit.netlib.errors import DataError, GoodinitError
from pycaffe_images import (
    MEAN,
    PREPARING,
    SIDE,
    WINDOW_NET,
    WINDOWS,
    random_images,
    saved,
    window_net,
)
from toolkit import written

from goodinit import caffe


@pytest.fixture
def model(tmp_path):
    return window_net(tmp_path)


@pytest.fixture
def image():
    return random_images(40, 50, 3)


@pytest.fixture
def photograph(image, tmp_path):
    """The path of the image."""
    return saved(tmp_path, image, 'photograph.png')


def with_context(image, window, pad, fill):
    """pycaffe's crop, side by side: from where to where the wider window goes, and where that lies
    in the input."""
    places, parts = [], []
    for axis in 0, 1:
        low, high, extent = window[axis], window[axis + 2], image.shape[axis]
        half = (high - low + 1) / 2.0
        reach = SIDE / (SIDE - 2.0 * pad) * half
        low, high = round(low + half - reach), round(low + half + reach)
        scale = SIDE / (high - low + 1.0)
        start = round(max(0, -low) * scale)
        low, high = min(max(low, 0), extent), min(max(high, 0), extent)
        places.append((start, min(start + round((high - low + 1) * scale), SIDE)))
        parts.append((low, high))
    out = np.empty((SIDE, SIDE, 3), np.float32)
    out[...] = fill
    (top, bottom), (left, right) = places
    (y0, y1), (x0, x1) = parts
    out[top:bottom, left:right] = caffe.io.resize_image(
        image[y0:y1, x0:x1], (bottom - top, right - left)
    )
    return out


@pytest.mark.parametrize('pad', [1, 4, 7])
@pytest.mark.parametrize('window', WINDOWS)
def test_crops_with_context(model, image, window, pad):
    net = caffe.Detector(*model, context_pad=pad, **PREPARING)
    np.testing.assert_allclose(
        net.crop(image, window), with_context(image, window, pad, MEAN[::-1] / 255), atol=1e-6
    )
    net = caffe.Detector(*model, context_pad=pad)
    np.testing.assert_allclose(
        net.crop(image, np.array(window)), with_context(image, window, pad, 0), atol=1e-6
    )


def test_the_window_fills_what_context_leaves(model):
    """A white window on black: white inside, black in the border, to within a pixel."""
    image = np.zeros((200, 300, 3), np.float32)
    image[80:120, 100:160] = 1
    pad = 5
    crop = caffe.Detector(*model, context_pad=pad).crop(image, [80, 100, 120, 160])
    assert crop[pad + 1 : -pad - 1, pad + 1 : -pad - 1].min() > 0.99
    for border in crop[: pad - 1], crop[1 - pad :], crop[:, : pad - 1], crop[:, 1 - pad :]:
        assert border.max() < 0.01


def test_beyond_the_image_is_the_mean(model, image):
    """So that the net gets zeros there; a mean of every pixel, too, is put where it belongs."""
    for mean in MEAN, np.random.default_rng(1).uniform(0, 255, (3, SIDE, SIDE)).astype(np.float32):
        net = caffe.Detector(*model, context_pad=6, **{**PREPARING, 'mean': mean})
        prepared = net.transformer.preprocess('data', net.crop(image, [0, 0, 8, 8]))
        np.testing.assert_allclose(prepared[:, :5], 0, atol=1e-5)
        np.testing.assert_allclose(prepared[:, :, :5], 0, atol=1e-5)
        assert abs(prepared[:, 7:, 7:]).min() > 0


def test_inputs_that_are_not_square(model, tmp_path):
    """A net twice as wide sees what a square one sees, columns finer."""
    wide = written(
        tmp_path,
        WINDOW_NET.replace(f'dim: {SIDE} dim: {SIDE}', f'dim: {SIDE} dim: {2 * SIDE}'),
        'wide.prototxt',
    )
    caffe.Net(wide, caffe.TEST).save(str(tmp_path / 'wide.caffemodel'))
    net = caffe.Detector(wide, str(tmp_path / 'wide.caffemodel'), context_pad=4)
    image = np.zeros((200, 300, 3), np.float32)
    image[80:120, 100:180] = 1
    crop = net.crop(image, [80, 100, 120, 180])
    assert crop.shape == (SIDE, 2 * SIDE, 3)
    assert crop[5:-5, 5:-5].min() > 0.99 and max(crop[:3].max(), crop[:, -3:].max()) < 0.01


def test_windows_many_times_the_image(model, image):
    assert not caffe.Detector(*model, context_pad=4).crop(image, [-9999, -9999, 9999, 9999]).any()


def test_crops_without_context(model, image):
    net = caffe.Detector(*model)
    np.testing.assert_array_equal(net.crop(image, [3, 5, 23, 31]), image[3:23, 5:31])
    np.testing.assert_array_equal(net.crop(image, [-2, 45, 3, 99]), image[:3, 45:])


@pytest.mark.parametrize('pad', [None, 3])
def test_detect_windows(model, photograph, pad):
    """Any iterable of windows, more than the net's batch; each result beside its window."""
    net = caffe.Detector(*model, context_pad=pad, **PREPARING)
    image = caffe.io.load_image(photograph)
    found = net.detect_windows(
        (name, iter(windows))
        for name, windows in [(photograph, WINDOWS[:3]), (photograph, WINDOWS[3:5])]
    )
    assert [(d['filename'], d['window']) for d in found] == [
        (photograph, window) for window in WINDOWS[:5]
    ]
    for detection in found:
        crop = caffe.io.resize_image(net.crop(image, detection['window']), (SIDE, SIDE))
        planes = 0.02 * (255 * crop.transpose(2, 0, 1)[::-1] - MEAN.reshape(3, 1, 1))
        net.forward(data=np.stack([planes, planes]))
        np.testing.assert_allclose(detection['prediction'], net.blobs['prob'].data[0], rtol=1e-4)
    assert net.detect_windows([]) == []


def test_selective_search(model, photograph, monkeypatch):
    net = caffe.Detector(*model, **PREPARING)
    monkeypatch.setitem(sys.modules, detector.SELECTIVE_SEARCH, None)
    with pytest.raises(
        GoodinitError,
        match=r"selective search needs the package 'selective_search_ijcv_with_python' .*"
        'detect_windows takes windows from elsewhere',
    ):
        net.detect_selective_search([photograph])
    search = SimpleNamespace(get_windows=lambda paths, cmd: [np.array(WINDOWS[:2]) for _ in paths])
    monkeypatch.setitem(sys.modules, detector.SELECTIVE_SEARCH, search)
    found, again = (
        net.detect_selective_search([photograph]),
        net.detect_windows([(photograph, WINDOWS[:2])]),
    )
    for one, other in zip(found, again, strict=True):
        np.testing.assert_array_equal(one['prediction'], other['prediction'])


@pytest.mark.parametrize('pad', [None, 4])
@pytest.mark.parametrize('window', [[5, 5, 5, 9], [200, 200, 300, 300], [9, 9, 2, 2]])
def test_windows_that_show_nothing(model, photograph, window, pad):
    if pad and window == [5, 5, 5, 9]:
        return  # what surrounds a line is more than a line
    net = caffe.Detector(*model, context_pad=pad)
    with pytest.raises(
        DataError,
        match='photograph.png: window ymin {}, xmin {}, ymax {}, xmax {}: found nothing of '
        'the image, 40 x 50 pixels, in it'.format(*window),
    ):
        net.detect_windows([(photograph, [window])])


@pytest.mark.parametrize('pad', [10, -1])
def test_context_that_leaves_nothing(model, pad):
    with pytest.raises(
        DataError,
        match=f'context_pad: found {pad}, needed: 0 or more, less than half a side of the '
        "net's input, 20 x 20",
    ):
        caffe.Detector(*model, context_pad=pad)
