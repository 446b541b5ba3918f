"""goodinit detect writes what caffe.Detector says of windows."""

import csv
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from goodinit.caffe import detector
from goodinit.tools import detect
from pycaffe_images import PREPARING, WINDOWS, random_images, saved, window_net
from toolkit import fails

from goodinit import caffe

OPTIONS = ['--mean_file', '104,117,123', '--input_scale', '0.02', '--context_pad', '3']


@pytest.fixture
def model(tmp_path):
    return window_net(tmp_path)


@pytest.fixture
def photograph(tmp_path):
    """The path of an image."""
    return saved(tmp_path, random_images(40, 50, 3), 'photograph.png')


@pytest.fixture
def arguments(model):
    return ['--proto', model[0], '--weights', model[1], *OPTIONS]


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


def test_hdf5_as_pandas_reads_it(arguments, listed, tmp_path):
    pandas = pytest.importorskip('pandas')
    pytest.importorskip('tables')
    h5py = pytest.importorskip('h5py')
    name, names, windows = listed
    out = tmp_path / 'out.h5'
    assert detect.main([name, str(out), *arguments]) == 0
    frame = pandas.read_hdf(out, 'df')
    assert frame.index.name == 'filename' and list(frame.index) == names
    np.testing.assert_array_equal(frame[['ymin', 'xmin', 'ymax', 'xmax']], windows)
    with h5py.File(out) as file:
        np.testing.assert_array_equal(np.vstack(frame['prediction']), file['prediction'])


def test_hdf5_without_pandas(arguments, listed, tmp_path, monkeypatch):
    h5py = pytest.importorskip('h5py')
    monkeypatch.setattr('goodinit.tools.cli.pandas_frame.find_spec', lambda name: None)
    out = tmp_path / 'out.h5'
    assert detect.main([listed[0], str(out), *arguments]) == 0
    with h5py.File(out) as file:
        assert set(file) == {'filename', 'window', 'prediction'}


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
        'in.csv:2: needed: four numbers',
    ),
    (
        ['in.csv', 'out.csv'],
        'filename,xmin,ymin,xmax,ymax\n\na.jpg,1,2,3,inf\n',
        'in.csv:3: needed: four numbers',
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
