"""Detector and goodinit detect: windows, what surrounds them, and what the net says of them."""

import csv
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from goodinit.caffe import detector
from goodinit.netlib.errors import DataError, GoodinitError
from goodinit.tools import detect
from PIL import Image
from toolkit import DEPLOY, fails, written

from goodinit import caffe

MEAN = np.float32([104, 117, 123])
PREPARING = {'mean': MEAN, 'input_scale': 0.02, 'raw_scale': 255, 'channel_swap': (2, 1, 0)}
SIDE = 20
TEXT = DEPLOY.replace('dim: 8 dim: 8', f'dim: {SIDE} dim: {SIDE}')
WINDOWS = [
    [3, 5, 23, 31],
    [0, 0, 40, 50],
    [0, 30, 12, 50],
    [33, 2, 40, 7],
    [10, 10, 11, 11],
    [25, 0, 39, 50],
]


@pytest.fixture
def model(tmp_path):
    """A prototxt whose input is 2 x 3 x 20 x 20, and its weights."""
    proto = written(tmp_path, TEXT, 'deploy.prototxt')
    net = caffe.Net(proto, caffe.TEST)
    for params in net.params.values():
        for k, param in enumerate(params):
            param.data[...] = np.random.default_rng(k).normal(size=param.data.shape) / 20
    net.save(str(tmp_path / 'net.caffemodel'))
    return proto, str(tmp_path / 'net.caffemodel')


@pytest.fixture
def image():
    """40 x 50 pixels."""
    return np.random.default_rng(0).uniform(size=(40, 50, 3)).astype(np.float32)


@pytest.fixture
def photograph(image, tmp_path):
    """The path of the image."""
    Image.fromarray(np.rint(255 * image).astype(np.uint8)).save(tmp_path / 'photograph.png')
    return str(tmp_path / 'photograph.png')


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
        TEXT.replace(f'dim: {SIDE} dim: {SIDE}', f'dim: {SIDE} dim: {2 * SIDE}'),
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


# -- the command


@pytest.fixture
def arguments(model):
    return [
        '--model_def',
        model[0],
        '--pretrained_model',
        model[1],
        '--mean_file',
        '104,117,123',
        '--input_scale',
        '0.02',
        '--context_pad',
        '3',
    ]


@pytest.fixture
def listed(photograph, tmp_path):
    """A csv file of windows, two of them of another copy of the photograph, in between."""
    other = tmp_path / 'other.png'
    other.write_bytes(Path(photograph).read_bytes())
    names = [photograph, str(other), photograph, str(other), photograph]
    rows = [
        f'{name}, {x0}, {y0}, {x1}, {y1}'
        for name, (y0, x0, y1, x1) in zip(names, WINDOWS, strict=False)
    ]
    (tmp_path / 'windows.csv').write_text('\n'.join(['filename,xmin,ymin,xmax,ymax', *rows, '']))
    order = [0, 2, 4, 1, 3]
    return str(tmp_path / 'windows.csv'), [names[i] for i in order], [WINDOWS[i] for i in order]


def table(path):
    return list(csv.reader(path.read_text().splitlines()))


def test_csv_to_csv(model, arguments, listed, tmp_path):
    """An image at a time, in the order of their first windows."""
    name, names, windows = listed
    assert detect.main([name, str(tmp_path / 'out.csv'), *arguments]) == 0
    header, *rows = table(tmp_path / 'out.csv')
    assert header == ['filename', 'ymin', 'xmin', 'ymax', 'xmax', *(f'class{i}' for i in range(5))]
    assert [row[0] for row in rows] == names and [
        list(map(int, row[1:5])) for row in rows
    ] == windows
    net = caffe.Detector(*model, context_pad=3, **PREPARING)
    expected = [
        d['prediction']
        for name, window in zip(names, windows, strict=True)
        for d in net.detect_windows([(name, [window])])
    ]
    np.testing.assert_allclose([list(map(float, row[5:])) for row in rows], expected, rtol=1e-5)


def test_csv_to_hdf5(arguments, listed, tmp_path):
    h5py = pytest.importorskip('h5py')
    name, names, windows = listed
    for out in 'out.csv', 'out.h5':
        assert detect.main([name, str(tmp_path / out), *arguments, '--crop_mode', 'list']) == 0
    with h5py.File(tmp_path / 'out.h5') as file:
        assert list(file['filename'].asstr()) == names
        np.testing.assert_array_equal(file['window'], windows)
        rows = [list(map(float, row[5:])) for row in table(tmp_path / 'out.csv')[1:]]
        np.testing.assert_allclose(file['prediction'], rows, rtol=1e-6)


def test_txt_by_selective_search(arguments, photograph, tmp_path, monkeypatch, capsys):
    (tmp_path / 'images.txt').write_text(f'{photograph}\n\n')
    given = [str(tmp_path / 'images.txt'), str(tmp_path / 'out.csv'), *arguments]
    monkeypatch.setitem(sys.modules, detector.SELECTIVE_SEARCH, None)
    assert 'selective search needs the package' in fails(detect.main, given, capsys)
    search = SimpleNamespace(get_windows=lambda paths, cmd: [np.array(WINDOWS[:2]) for _ in paths])
    monkeypatch.setitem(sys.modules, detector.SELECTIVE_SEARCH, search)
    assert detect.main(given) == 0
    assert len((tmp_path / 'out.csv').read_text().splitlines()) == 3
    assert capsys.readouterr().err == f'Processed 2 windows.\nSaved to {tmp_path}/out.csv\n'


MISTAKES = [
    (['in.jpg', 'out.csv'], '', 'in.jpg: found another extension, needed: .csv or .txt'),
    (['in.csv', 'out.txt'], '', 'out.txt: found another extension, needed: .csv or .h5 or .hdf5'),
    (
        ['in.txt', 'out.csv', '--crop_mode', 'list'],
        '',
        'in.txt: --crop_mode list needs windows, in a .csv file',
    ),
    (['no.csv', 'out.csv'], '', 'no.csv: cannot be read'),
    (['in.csv', 'no/out.csv'], 'filename,xmin,ymin,xmax,ymax', 'no/out.csv: there is no folder no'),
    (
        ['in.csv', 'out.csv'],
        'filename,xmin,ymin\n',
        'in.csv:1: found no column ymax, xmax; needed: filename, xmin',
    ),
    (['in.csv', 'out.csv'], '', 'in.csv:1: found no column filename, ymin, xmin, ymax, xmax'),
    (
        ['in.csv', 'out.csv'],
        'filename,xmin,ymin,xmax,ymax\na.jpg,1,2,3\n',
        'in.csv:2: found no four numbers',
    ),
    (
        ['in.csv', 'out.csv'],
        'filename,xmin,ymin,xmax,ymax\n\na.jpg,1,2,3,inf\n',
        'in.csv:3: found no four numbers',
    ),
    (
        ['in.csv', 'out.csv'],
        'filename,xmin,ymin,xmax,ymax\n',
        'in.csv: found no windows, needed: one or more',
    ),
    (
        ['in.csv', 'out.csv'],
        'filename,xmin,ymin,xmax,ymax\nno.jpg,1,2,3,4\n',
        'no.jpg: cannot be read as an image',
    ),
    (
        ['in.csv', 'out.csv', '--context_pad', '10'],
        'filename,xmin,ymin,xmax,ymax\n',
        'context_pad: found 10, needed',
    ),
    (
        ['in.csv', 'out.csv'],
        f'filename,xmin,ymin,xmax,ymax\n{"x" * 200_000},1,2,3,4\n',
        'in.csv:2: field larger than',
    ),
    (
        ['in.csv', 'out.csv'],
        '\ufefffilename,xmin,ymin,xmax,ymax\nno.jpg,1,2,3,4\n',
        'no.jpg: cannot be read',
    ),
    (['in.csv', 'out.csv', '--crop_mode', 'lst'], '', "unknown 'lst'; did you mean 'list'?"),
]


@pytest.mark.parametrize(('given', 'text', 'message'), MISTAKES)
def test_mistakes(given, text, message, arguments, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path('in.csv').write_text(text)
    assert message in fails(detect.main, [*arguments, *given], capsys)
    assert not Path('out.csv').exists()


def test_usage(capsys):
    assert 'the following arguments are required: INPUT, OUTPUT' in fails(detect.main, [], capsys)
