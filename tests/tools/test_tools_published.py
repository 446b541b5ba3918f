"""The command lines of the published scripts: lsuv_init.py, magic_init.py, measure_stat.py."""

import numpy as np
import pytest
from goodinit.proto import read_weights
from goodinit.tools import lsuv_init, magic_init, measure_stat
from PIL import Image
from toolkit import DEPLOY, fails, train_val, written


def weights(path):
    return {
        layer.name: np.array(layer.blobs[0].data)
        for layer in read_weights(path).layer
        if layer.blobs
    }


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A train_val, its deploy and a solver in the current folder."""
    monkeypatch.chdir(tmp_path)
    written(tmp_path, DEPLOY, 'deploy.prototxt')
    written(tmp_path, train_val(transform='scale: 0.01'), 'train_val.prototxt')
    written(tmp_path, 'net: "train_val.prototxt"', 'solver.prototxt')
    return tmp_path


def gram(values, outputs):
    rows = values.reshape(outputs, -1)
    return rows @ rows.T


def test_orthonormal(small):
    assert lsuv_init.main(['solver.prototxt', 'o.caffemodel', 'Orthonormal']) == 0
    np.testing.assert_allclose(gram(weights('o.caffemodel')['ip'], 5), np.eye(5), atol=1e-5)


def test_orthonormal_lsuv(small, capsys):
    assert lsuv_init.main(['solver.prototxt', 'o.caffemodel', 'OrthonormalLSUV']) == 0
    products = gram(weights('o.caffemodel')['ip'], 5)
    np.testing.assert_allclose(products, products[0, 0] * np.eye(5), atol=1e-4)
    assert [line.split()[-4] for line in capsys.readouterr().out.splitlines()[2:]] == ['1', '1']


def test_lsuv_works_on_what_is_there(small, capsys):
    """A caffemodel that is there is loaded, unless noFetch says not to."""
    assert lsuv_init.main(['solver.prototxt', 'a.caffemodel', 'Orthonormal']) == 0
    fetched = weights('a.caffemodel')['ip']
    capsys.readouterr()
    assert lsuv_init.main(['solver.prototxt', 'a.caffemodel', 'LSUV']) == 0
    assert 'weights loaded from a.caffemodel' in capsys.readouterr().err
    ratio = weights('a.caffemodel')['ip'] / fetched
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)
    assert lsuv_init.main(['solver.prototxt', 'a.caffemodel', 'LSUV', 'noFetch']) == 0
    ratio = weights('a.caffemodel')['ip'] / fetched
    assert ratio.std() > 0.1


@pytest.mark.parametrize(
    'tool, arguments',
    [
        (lsuv_init, ['solver.prototxt', 'a.caffemodel', 'LSUV']),
        (magic_init, ['train_val.prototxt', 'a.caffemodel', '-z', '-nit', '1']),
        (measure_stat, ['train_val.prototxt', '-nit', '1']),
    ],
)
def test_shapes_that_cannot_be_told(tool, arguments, small, capsys):
    (small / 'deploy.prototxt').unlink()
    assert 'cannot be determined from the prototxt' in fails(tool.main, arguments, capsys)
    assert tool.main([*arguments, '--input-shape', '3,8,8']) == 0


def test_lsuv_mistakes(small, capsys):
    assert fails(lsuv_init.main, ['solver.prototxt', 'a.caffemodel', 'Lsuv'], capsys).startswith(
        "argument MODE: unknown 'Lsuv'; did you mean 'LSUV'?"
    )
    assert 'unknown' in fails(
        lsuv_init.main, ['solver.prototxt', 'a.caffemodel', 'LSUV', 'nofetch'], capsys
    )
    assert 'there is no folder no' in fails(
        lsuv_init.main, ['solver.prototxt', 'no/a.caffemodel', 'LSUV'], capsys
    )


@pytest.fixture
def empty(small):
    """The same net with fillers that leave the weights at zero."""
    text = train_val(transform='scale: 0.01').replace(
        'weight_filler { type: "gaussian" std: 0.3 }', ''
    )
    written(small, text, 'train_val.prototxt')
    return small


@pytest.mark.parametrize('kind', ['elwise', 'pca', 'zca', 'kmeans', 'rand', 'fast_kmeans'])
def test_magic_init(kind, empty, capsys):
    """Outputs have deviation 1 and mean `bias`, and with -cs equal change rates."""
    np.save('x.npy', np.random.default_rng(0).normal(115, 60, (1500, 3, 8, 8)).astype(np.float32))
    arguments = [
        'train_val.prototxt',
        'm.caffemodel',
        '-t',
        kind,
        '-b',
        '0.2',
        '-d',
        'x.npy',
        '-s',
        '0.02',
        '-bs',
        '300',
        '-nit',
        '5',
    ]
    assert magic_init.main(arguments) == 0
    for line in capsys.readouterr().out.splitlines()[2:]:
        mean, std = line.partition('|')[2].split()[:2]
        assert float(mean) == pytest.approx(0.2, abs=0.01) and float(std) == pytest.approx(
            1, abs=0.01
        )
    assert magic_init.main([*arguments, '-cs']) == 0
    assert float(capsys.readouterr().err.partition('before, ')[2].split()[0]) < 1.15


def test_magic_init_leaves_filled_layers_alone(small, capsys):
    assert magic_init.main(['train_val.prototxt', 'm.caffemodel', '-nit', '1']) == 0
    assert (
        'no layer has weights that are all zero; nothing to do (-z initializes every layer)'
        in capsys.readouterr().err
    )
    assert weights('m.caffemodel')['ip'].std() == pytest.approx(0.3, rel=0.2)
    assert magic_init.main(['train_val.prototxt', 'z.caffemodel', '-nit', '1', '-z', '-q']) == 0
    assert abs(weights('z.caffemodel')['ip'] - weights('m.caffemodel')['ip']).max() > 0.1
    assert capsys.readouterr() == ('', '')
    assert (
        magic_init.main(
            ['train_val.prototxt', 'l.caffemodel', '-nit', '1', '-l', 'z.caffemodel', '-q']
        )
        == 0
    )
    np.testing.assert_array_equal(weights('l.caffemodel')['ip'], weights('z.caffemodel')['ip'])


def test_magic_init_takes_images(empty, capsys):
    rng = np.random.default_rng(0)
    for i in range(6):
        Image.fromarray(rng.integers(0, 255, (9, 12, 3), np.uint8)).save(f'{i}.png')
    arguments = ['deploy.prototxt', 'm.caffemodel', '-s', '0.02', '-bs', '3', '-nit', '2']
    assert magic_init.main([*arguments, '-d', '*.png']) == 0
    assert '*.png (6 images), minus 104,117,123, times 0.02; 6 used;' in capsys.readouterr().err
    assert fails(magic_init.main, [*arguments, '-d', 'no*'], capsys).startswith(
        'data no*: contains no images'
    )


def test_measure_stat(small, capsys):
    np.save('x.npy', np.random.default_rng(0).normal(115, 60, (40, 3, 8, 8)).astype(np.float32))
    arguments = ['deploy.prototxt', '-d', 'x.npy', '-s', '0.02', '-nit', '2']
    assert measure_stat.main([*arguments, '-sm', '-nc', '-q']) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert (
        lines[3].split() == ['layer', 'name', 'out', 'cvar', 'rate', 'cvar', 'rate', 'mean']
        and err == ''
    )
    assert [line.split()[0] for line in lines[4:]] == ['conv', 'ip']
    assert all(float(value) >= 0 for line in lines[4:] for value in line.split()[1:])
    assert measure_stat.main([*arguments, '--all']) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.split('\n\n')[0].splitlines()] == [
        'layer',
        'data',
        'conv',
        'relu',
        'drop',
        'ip',
        'prob',
    ]
    assert 'W std' in out and 'Summary' in out
