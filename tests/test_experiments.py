"""The experiments run, on little data, and what they found holds: their results lie beside them."""
import sys
from pathlib import Path

import numpy as np
import pytest
from goodinit.benchmarks import initializers as benchmark
from goodinit.experiments import (
    change_rates,
    cifar10,
    gradient_variance,
    lsuv_weight_std,
    mishkin_matas,
    results,
)
from goodinit.initializers.from_samples import FROM_SAMPLES
from goodinit.tools import init_net
from goodinit.tools.inputs import DataOptions
from goodinit.tools.nets import open_net
from goodinit.tools.prepare import prepare

CIFAR10 = Path(__file__).parents[2] / 'shared' / 'data' / 'cifar10' / 'data_batch_1.bin.xz'


@pytest.fixture
def few_images(tmp_path, monkeypatch):
    """A CIFAR-10 file of six records; experiments use batches of four, and write into a folder of their own."""
    records = np.random.default_rng(0).integers(0, 256, (6, 3073), dtype=np.uint8)
    records[:, 0] = range(6)
    (tmp_path / 'batch.bin').write_bytes(records.tobytes())
    for module in (lsuv_weight_std, gradient_variance):
        monkeypatch.setattr(module, 'BATCH_SIZE', 4)
    monkeypatch.setattr(results, 'RESULTS', tmp_path)
    return tmp_path / 'batch.bin'


# -- what they found ----------------------------------------------------------------------------------

def test_closed_forms_are_what_is_printed():
    cells = {(column, layer): cell['agrees'] for column, layers in lsuv_weight_std.closed_forms().items()
             for layer, cell in layers.items()}
    assert len(cells) == 54
    assert {cell for cell, agrees in cells.items() if agrees == 'no'} == {
        ('OrthoNorm', 'conv11'), ('MSRA', 'conv15'), ('MSRA', 'conv21'), ('Xavier', 'conv21')}


def test_lsuv_weights_are_within_a_quarter_of_what_is_printed():
    found = results.read('lsuv_weight_std')['lsuv']
    for column in ('TanH', 'ReLU', 'VLReLU', 'Maxout'):
        assert len(found[column]) == 18
        assert not [layer for layer, stds in found[column].items()
                    if not lsuv_weight_std.agrees(lsuv_weight_std.ratios(column, layer, stds))]


def test_gradient_variances_are_of_the_printed_order():
    found = results.read('gradient_variance')['variances']
    for column, layers in mishkin_matas.printed_table(10).items():
        for layer, figure in layers.items():
            assert abs(np.log10(found[column][layer] / float(figure))) < 0.5, (column, layer)


def test_equal_change_rates_are_equal():
    found = results.read('change_rates')['rows']
    spread = {name: max(row['change_rate'] for row in rows) / min(row['change_rate'] for row in rows)
              for name, rows in found.items()}
    assert all(spread[name] > 100 for name in ('k-means', 'Gaussian, within', 'k-means, within'))
    assert all(ratio < 1.1 for name, ratio in spread.items() if name.endswith('between'))


@pytest.mark.skipif(not CIFAR10.is_file(), reason='needs CIFAR-10 beside the repository')
def test_one_net_is_near_what_is_printed(monkeypatch):
    monkeypatch.setattr(lsuv_weight_std, 'BATCH_SIZE', 32)
    found = lsuv_weight_std.weight_stds('tanh', cifar10.Cifar10(CIFAR10), seeds=1)
    assert all(lsuv_weight_std.agrees(lsuv_weight_std.ratios('TanH', layer, stds)) for layer, stds in found.items())


# -- that they run ------------------------------------------------------------------------------------

@pytest.mark.parametrize('experiment', [lsuv_weight_std, gradient_variance])
def test_an_experiment_runs(experiment, few_images, monkeypatch, capsys):
    monkeypatch.setattr(gradient_variance, 'BATCHES', 2)
    monkeypatch.setattr(sys, 'argv', ['experiment', '--data', str(few_images), '--seeds', '1'])
    experiment.main()
    name = experiment.__name__.rpartition('.')[2]
    assert (few_images.parent / f'{name}.md').read_text() == capsys.readouterr().out[:-1]
    assert results.read(name)['seeds'] == 1


def test_change_rates_run(tmp_path, monkeypatch):
    monkeypatch.setattr(results, 'RESULTS', tmp_path)
    prepared = prepare(open_net('lenet'), DataOptions(batch_size=4, batches=13))
    rows = {name: change_rates.initialized(prepared, change_rates.CASES[name][1]) for name in ('Caffe', 'k-means')}
    assert change_rates.report(rows).count('| conv1 | conv2 | ip1 | ip2 |') == 2
    pytest.importorskip('matplotlib')
    change_rates.plot(rows)
    assert (tmp_path / 'change_rates.png').stat().st_size > 10_000


def test_the_benchmark_measures():
    sample = benchmark.run([sys.executable, '-c', 'sum(range(10 ** 6)); bytes(10 ** 8)'])
    assert 0 < sample['user'] <= sample['cpu'] and sample['wall'] > 0 and sample['peak_mb'] > 100
    assert {'cpu', 'cores', 'load', 'python', 'numpy'} <= benchmark.machine().keys()
    for case, options in benchmark.INIT.items():
        args = init_net.arguments().parse_args(options)
        assert args.proto.startswith(case.split()[0]) and args.method == case.split()[1]
        assert args.batches == (5 if case.split()[1] in FROM_SAMPLES else 1)


# -- the data -----------------------------------------------------------------------------------------

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
