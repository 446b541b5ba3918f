"""The experiments run, on little data, and what they found holds: their results lie beside them."""

import argparse
import gzip
import json
import signal
import struct
import sys
from itertools import product
from math import nan

import numpy as np
import places
import pytest
from goodinit.experiments import (
    change_rates,
    cifar10,
    closed_forms,
    findings,
    first_iterations,
    fitnet4_training,
    fitnet_mnist,
    fitnet_mnist_training,
    gradient_variance,
    lsuv_weight_std,
    mishkin_matas,
)
from goodinit.feeding.data_options import DataOptions
from goodinit.feeding.fed_net import feed_net
from goodinit.feeding.net_file import read_net_file

CIFAR10 = places.DATA / 'cifar10' / 'data_batch_1.bin.xz'


@pytest.fixture
def few_images(tmp_path, monkeypatch):
    """A CIFAR-10 file of six records; experiments use batches of four, and write into a folder of
    their own."""
    records = np.random.default_rng(0).integers(0, 256, (6, 3073), dtype=np.uint8)
    records[:, 0] = range(6)
    (tmp_path / 'batch.bin').write_bytes(records.tobytes())
    for module in (lsuv_weight_std, gradient_variance):
        monkeypatch.setattr(module, 'BATCH_SIZE', 4)
    monkeypatch.setattr(findings, 'RESULTS', tmp_path)
    return tmp_path / 'batch.bin'


# -- what they found


def test_closed_forms_are_what_is_printed():
    cells = {
        (column, layer): cell['agrees']
        for column, layers in closed_forms.closed_forms().items()
        for layer, cell in layers.items()
    }
    assert len(cells) == 54
    assert {cell for cell, agrees in cells.items() if agrees == 'no'} == {
        ('OrthoNorm', 'conv11'),
        ('MSRA', 'conv15'),
        ('MSRA', 'conv21'),
        ('Xavier', 'conv21'),
    }


def test_lsuv_weights_are_within_a_quarter_of_what_is_printed():
    found = findings.read('lsuv_weight_std')['lsuv']
    for column in ('TanH', 'ReLU', 'VLReLU', 'Maxout'):
        assert len(found[column]) == 18
        assert not [
            layer
            for layer, stds in found[column].items()
            if not lsuv_weight_std.agrees(lsuv_weight_std.ratios(column, layer, stds))
        ]


def test_gradient_variances_are_of_the_printed_order():
    found = findings.read('gradient_variance')['variances']
    for column, layers in mishkin_matas.printed_table(10).items():
        for layer, figure in layers.items():
            assert abs(np.log10(found[column][layer] / float(figure))) < 0.5, (column, layer)


def test_equal_change_rates_are_equal():
    found = findings.read('change_rates')['rows']
    spread = {}
    for name, rows in found.items():
        rates = [row['change_rate'] for row in rows]
        spread[name] = max(rates) / min(rates)
    assert all(spread[name] > 100 for name in ('k-means', 'Gaussian, within', 'k-means, within'))
    assert all(ratio < 1.1 for name, ratio in spread.items() if name.endswith('between'))


@pytest.mark.skipif(not CIFAR10.is_file(), reason='needs CIFAR-10 beside the repository')
def test_one_net_is_near_what_is_printed(monkeypatch):
    monkeypatch.setattr(lsuv_weight_std, 'BATCH_SIZE', 32)
    found = lsuv_weight_std.weight_stds('tanh', cifar10.Cifar10(CIFAR10), seeds=1)
    assert all(
        lsuv_weight_std.agrees(lsuv_weight_std.ratios('TanH', layer, stds))
        for layer, stds in found.items()
    )


# -- that they run


def test_without_matplotlib_the_picture_is_left_out(monkeypatch, capsys):
    monkeypatch.setattr(findings, 'find_spec', lambda name: None)
    findings.draw('change_rates', None)
    expected = 'change_rates.png is left out: no matplotlib: pip install matplotlib\n'
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize('experiment', [lsuv_weight_std, gradient_variance])
def test_an_experiment_runs(experiment, few_images, monkeypatch, capsys):
    monkeypatch.setattr(gradient_variance, 'BATCHES', 2)
    monkeypatch.setattr(sys, 'argv', ['experiment', '--data', str(few_images), '--seeds', '1'])
    experiment.main()
    name = experiment.__name__.rpartition('.')[2]
    assert (few_images.parent / f'{name}.md').read_text() == capsys.readouterr().out[:-1]
    assert findings.read(name)['seeds'] == 1


def test_change_rates_run(tmp_path, monkeypatch):
    monkeypatch.setattr(findings, 'RESULTS', tmp_path)
    prepared = feed_net(read_net_file('lenet'), DataOptions(batch_size=4, batches=13))
    rows = {
        name: change_rates.initialized(prepared, change_rates.CASES[name][1])
        for name in ('Caffe', 'k-means')
    }
    assert change_rates.report(rows).count('| conv1 | conv2 | ip1 | ip2 |') == 2
    pytest.importorskip('matplotlib')
    change_rates.plot(rows, tmp_path / 'change_rates.png')
    assert (tmp_path / 'change_rates.png').stat().st_size > 10_000


@pytest.fixture
def few_digits(tmp_path, monkeypatch):
    """MNIST's files with 100 images of noise; a training of two iterations, with little to test."""
    rng = np.random.default_rng(0)
    shapes = {'images-idx3': (100, 28, 28), 'labels-idx1': (100,)}
    for part, (kind, shape) in product(('train', 't10k'), shapes.items()):
        pixels = rng.integers(0, 10, shape, dtype=np.uint8).tobytes()
        with gzip.open(tmp_path / f'{part}-{kind}-ubyte.gz', 'wb') as file:
            file.write(b'\0\0\x08' + struct.pack(f'>B{len(shape)}I', len(shape), *shape) + pixels)

    def read_solver(path, read=fitnet_mnist_training.read_solver):
        solver = read(path)
        solver.test_iter[:] = [1]
        return solver

    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    monkeypatch.setattr(signal, 'signal', lambda *_: None)  # pytest's own handlers stay
    monkeypatch.setattr(fitnet_mnist_training, 'read_solver', read_solver)
    monkeypatch.setattr(fitnet_mnist, 'PRINTED', {'hinge_lsuv': 0.38})
    monkeypatch.setattr(findings, 'RESULTS', tmp_path)
    options = ['--data', str(tmp_path), '--work', str(tmp_path / 'work'), '--iterations', '2']
    monkeypatch.setattr(sys, 'argv', ['experiment', *options])
    return tmp_path


def test_fitnet_mnist_runs_once(few_digits, monkeypatch, capsys):
    pytest.importorskip('matplotlib')
    fitnet_mnist.main()
    text = (few_digits / 'fitnet_mnist.md').read_text()
    assert capsys.readouterr().out == text + '\n'
    found = findings.read('fitnet_mnist')['hinge_lsuv']
    assert found['iterations'] == 2 and 0 <= found['error'] <= 100 and found['cpu_minutes'] > 0
    assert f'| hinge | LSUV | {found["error"]:.2f} | 0.38 | 2 |' in text
    assert 'resumed' not in (few_digits / 'fitnet_mnist_hinge_lsuv.log').read_text()
    assert (few_digits / 'fitnet_mnist.png').stat().st_size > 10_000
    monkeypatch.setattr(fitnet_mnist_training, 'start', None)  # nothing is left to start
    fitnet_mnist.main()


def test_a_training_that_fails_is_named(few_digits, monkeypatch):
    no_such = 'goodinit train no_such_solver'
    monkeypatch.setattr(fitnet_mnist_training, 'command', lambda name: no_such)
    with pytest.raises(
        SystemExit, match=r'hinge_lsuv: goodinit train .* has failed; see .*hinge_lsuv\.log'
    ):
        fitnet_mnist.main()
    (few_digits / 't10k-labels-idx1-ubyte.gz').unlink()
    (few_digits / 'work' / 'mnist_test_lmdb').rename(few_digits / 'elsewhere')
    with pytest.raises(SystemExit, match='1'):
        fitnet_mnist.main()


def test_first_iterations_are_kept(few_images, monkeypatch, capsys):
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    monkeypatch.setattr(fitnet4_training, 'BATCH_SIZE', 4)
    monkeypatch.setattr(fitnet4_training, 'TEST_BATCHES', 1)
    folder = few_images.parent
    for name in ('data_batch_1', 'test_batch'):
        (folder / f'{name}.bin').write_bytes(few_images.read_bytes())
    args = argparse.Namespace(data=folder, work=folder, iterations=2, jobs=1, engine='fast')
    path = folder / 'relu_msra_2.json'
    assert first_iterations.run(args, ('relu', 'msra', path)).startswith('relu, msra: accuracy ')
    found = json.loads(path.read_text())
    assert len(found['losses']) == 2 and found['accuracy'] in (0, 0.25, 0.5, 0.75, 1)

    presets = first_iterations.PRESETS.values()
    for nonlinearity, preset in product(first_iterations.NONLINEARITIES, presets):
        losses = [nan, nan] if preset == 'lsuv' else found['losses']
        path = folder / f'{nonlinearity}_{preset}_2.json'
        path.write_text(json.dumps(found | {'losses': losses}))
    monkeypatch.setattr(first_iterations, 'arguments', lambda: args)
    pytest.importorskip('matplotlib')
    first_iterations.main()
    out = capsys.readouterr().out
    assert out == (folder / 'first_iterations.md').read_text() + '\n'
    assert (
        '| relu | LSUV | nan | nan |' in out
        and 'OrthoInit (relu), OrthoInit (tanh), OrthoInit (maxout)' in out
    )
    assert (folder / 'first_iterations.png').stat().st_size > 10_000


# -- the data


def test_contrast_is_normalized():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
    pixels[1] = 7
    images = cifar10.contrast_normalized(pixels, std=0.5)
    np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(images.std(axis=(1, 2, 3)), [0.5, 0, 0.5], rtol=1e-5)


def test_images_are_shifted_over_a_border_of_zeros():
    images = np.arange(1, 1 + 400 * 3 * 4, dtype=np.float32).reshape(400, 3, 4, 1).repeat(4, axis=3)
    moved = cifar10.shifted(images, np.random.default_rng(0))
    heights = (moved[:, 0] != 0).any(axis=2).sum(axis=1)
    assert moved.shape == images.shape and set(heights) == set(range(5))
    whole = (moved[:, 0] != 0).all(axis=(1, 2))
    np.testing.assert_array_equal(moved[whole], images[whole])


def test_batches_are_different_images_with_their_labels(few_images):
    data = cifar10.Cifar10(few_images)
    batch = data.batch(6, np.random.default_rng(0))
    assert batch['data'].shape == (6, 3, 32, 32) and sorted(batch['label']) == [0, 1, 2, 3, 4, 5]
    assert abs(data.images.mean(axis=0)).max() < 1e-6
