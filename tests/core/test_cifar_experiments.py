"""The experiments of Mishkin & Matas (2016) and the change rates of Krähenbühl et al. run on little
data; and how their images are drawn."""

import numpy as np
import pytest
from experiment_runs import cell_of, few_cifar, few_digits, measured, page_of, photographs
from goodinit.experiments import cifar10, cifar_training, mishkin_matas
from goodinit.experiments.kraehenbuehl2016 import figure1 as change_rates
from goodinit.experiments.mishkin2016 import figure2, table6
from goodinit.experiments.runner.catalog import open_experiment
from goodinit.feeding.data_options import DataOptions
from goodinit.feeding.fed_net import feed_net
from goodinit.feeding.net_file import read_net_file

FEW = {'batch': 4, 'iterations': 2, 'files': 2, 'tested': 2}


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    return few_cifar(tmp_path / 'data')


# -- tables of accuracies

TRAININGS = {
    'mishkin2016/table3': {'net': 'relu', 'init': 'orthonormal_msra'},
    'mishkin2016/table4': {'net': 'tanh', 'init': 'lsuv'},
    'mishkin2016/table5': {'net': 'tanh', 'place': 'after'},
    'mishkin2016/figure2': {'net': 'relu', 'init': 'xavier'},
}


@pytest.mark.parametrize('name', TRAININGS)
def test_a_training_is_measured(name, data, tmp_path):
    cell = cell_of(name, **TRAININGS[name])
    found = measured(name, data, tmp_path / 'work', cell, **FEW)
    assert len(found['losses']) == 2 and 0 <= found['accuracy'] <= 1 and found['seconds'] > 0
    page = page_of(name, {cell: found}, **FEW)
    assert 'after 2 iterations of 4' in page or 'the first 2 iterations' in page


def test_what_learns_and_what_does_not():
    learning = {'losses': [2.3, 1.9], 'every': 100, 'diverged': False, 'accuracy': 0.5}
    still = {**learning, 'losses': [2.3, 2.302]}
    diverged = {**learning, 'diverged': True, 'accuracy': None}
    assert [cifar_training.begins_to_learn(each) for each in (learning, still, diverged)] == [
        True,
        False,
        False,
    ]
    cells = [cell_of('mishkin2016/table3', net='maxout', init=init) for init in ('lsuv', 'msra')]
    cells.append(cell_of('mishkin2016/table3', net='relu', init='msra'))
    page = page_of('mishkin2016/table3', dict(zip(cells, [learning] * 2 + [diverged], strict=True)))
    assert (
        '| LSUV | 50.0 (93.9) | – (92.1) |' in page and '| MSRA | 50.0 (n/c) | n/c (90.9)' in page
    )
    assert 'Converging as printed: 1 cells.' in page
    assert 'Learning here, n/c in the paper: maxout, MSRA.' in page
    assert 'Not learning here, converging in the paper: ReLU, MSRA.' in page


def test_orthonormal_weights_get_the_deviation_of_msra(data):
    batch = cifar10.Cifar10([data / 'cifar10' / 'test_batch.bin'], 2).batch(
        np.random.default_rng(0)
    )
    net = mishkin_matas.fitnet4('relu', 'orthonormal_msra', batch, np.random.default_rng(0))
    weights = net.params['conv2_1'][0].data
    assert weights.std() == pytest.approx(np.sqrt(2 / 432), rel=1e-5)


def test_all_initializations(data, tmp_path):
    pytest.importorskip('matplotlib')
    name = 'beyond/initializations'
    cells = [cell_of(name, net='resnet20', init=init) for init in ('lsuv', 'gradinit', 'zca')]
    found = measured(name, data, tmp_path / 'work', cells[0], **FEW)
    learning = {**found, 'losses': [1.5], 'accuracy': 0.5}
    diverged = {**learning, 'diverged': True, 'accuracy': None}
    results = dict(zip(cells, [found, learning, diverged], strict=True))
    page = page_of(name, results, **FEW)
    assert '| gradinit | 1.500, 50.0% |' in page and '| zca | n/c |' in page
    open_experiment(name).draw(results, tmp_path / 'a.png')
    assert (tmp_path / 'a.png').stat().st_size > 10_000


# -- the others


def test_the_curves_of_figure_2_are_drawn(tmp_path):
    pytest.importorskip('matplotlib')
    losses = [2.4, None, 2.2]
    found = {'losses': losses, 'every': 1, 'diverged': True, 'accuracy': None}
    results = {cell_of('mishkin2016/figure2', net=net): found for net in figure2.NETS}
    figure2.draw(results, tmp_path / 'a.png')
    assert (tmp_path / 'a.png').stat().st_size > 10_000
    assert '| maxout | LSUV | nan | nan | n/c |' in page_of(
        'mishkin2016/figure2', results, iterations=9
    )


def test_updates_are_measured_relative_to_weights(data, tmp_path):
    cell = cell_of('mishkin2016/figure1', net='relu', scale=1.4)
    numbers = {**FEW, 'iterations': 3, 'probe_every': 1}
    found = measured('mishkin2016/figure1', data, tmp_path / 'work', cell, **numbers)
    first, *others = found['probes'].values()
    assert first == 0 and all(0 < share < 1 for share in others)
    page = page_of('mishkin2016/figure1', {cell: found}, **numbers)
    assert '| scale | ReLU |' in page and '1.4 (ReLU)' in page
    pytest.importorskip('matplotlib')
    cell_of('mishkin2016/figure1')
    from goodinit.experiments.mishkin2016 import figure1

    figure1.draw({cell: found}, tmp_path / 'a.png')
    assert (tmp_path / 'a.png').stat().st_size > 10_000


def test_accuracy_is_measured_over_time(data, tmp_path):
    numbers = {**FEW, 'probe_every': 1}
    cells = [cell_of('mishkin2016/figure3', case=case) for case in ('lsuv', 'bn')]
    results = {}
    for cell in cells:
        folder = tmp_path / cell.name
        results[cell] = measured('mishkin2016/figure3', data, folder, cell, **numbers)
    times = list(results[cells[0]]['until'].values())
    assert times[0] == 0 and times == sorted(times) and len(times) == 3
    assert '; here it is ' in page_of('mishkin2016/figure3', results, **numbers)
    half = cell_of('mishkin2016/figure3', reduced=False, case='bn_half')
    found = measured('mishkin2016/figure3', data, tmp_path / 'half', half, **numbers)
    assert list(found['probes']) == ['0', '1']


def test_seconds_of_initializations(data, tmp_path, monkeypatch):
    cell = cell_of('mishkin2016/table6', net='fitnet4_relu')
    found = measured('mishkin2016/table6', data, tmp_path / 'work', cell, batch=2)
    assert list(found['cpu']) == list(found['clock']) == ['gaussian', 'orthonormal', 'lsuv']
    assert '| FitNet4 |' in page_of('mishkin2016/table6', {cell: found}, batch=2)
    monkeypatch.setitem(table6.NETS, 'lenet', 'LeNet')
    other = type(cell)('lenet', {'net': 'lenet'})
    photographs(data, 3)
    found = measured('mishkin2016/table6', data, tmp_path / 'work', other, batch=2)
    assert found['clock']['lsuv'] >= 0


def test_weights_by_the_images_that_lsuv_measures(data, tmp_path):
    results = {}
    for cell in (cell_of('mishkin2016/table7', size=2), cell_of('mishkin2016/table7', size=16)):
        few = type(cell)(cell.name, {**cell.settings, 'size': cell['size'] // 2})
        results[cell] = measured('mishkin2016/table7', data, tmp_path / 'work', few)
    assert '| 2 | 1.000 | 1.000 | 1.000 | 0.000 | – | 89.27 |' in page_of(
        'mishkin2016/table7', results
    )
    numbers = {**FEW, 'size': 2}
    found = measured('mishkin2016/table7', data, tmp_path / 'trained', cell, **numbers)
    page = page_of('mishkin2016/table7', {cell: found | {'accuracy': 0.25}})
    assert '| 25.00 | 89.30 |' in page


@pytest.mark.parametrize('name', ['mishkin2016/table9', 'mishkin2016/table10'])
def test_a_table_of_layers(name, data, tmp_path):
    numbers = {'batch': 4, 'batches': 2}
    found = measured(name, data, tmp_path / 'work', **numbers)
    page = page_of(name, {cell_of(name): found}, **numbers)
    assert page.count('| conv11 |') >= 1 and '4 images' in page


def test_fitnet_mnist(tmp_path, monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    data = few_digits(tmp_path / 'data')
    name = 'mishkin2016/table2'
    cell = cell_of(name, loss='hinge', init='lsuv')
    numbers = {'batch': 4, 'iterations': 3, 'test_every': 1}
    found = measured(name, data, tmp_path / 'work', cell, **numbers)
    assert list(found['probes']) == ['0', '1', '2', '3']
    assert all(0 <= error <= 100 for error in found['probes'].values())
    page = page_of(name, {cell: found}, **numbers)
    assert f'| LSUV | {found["probes"]["3"]:.2f} (0.38) |' in page.replace('– (0.48) | ', '')
    pytest.importorskip('matplotlib')
    from goodinit.experiments.mishkin2016 import table2

    table2.draw({cell: found}, tmp_path / 'a.png')
    assert (tmp_path / 'a.png').stat().st_size > 10_000


def test_change_rates(tmp_path):
    fed = feed_net(read_net_file('lenet'), DataOptions(batch_size=4, batches=13))
    results = {}
    for cell in (cell_of('kraehenbuehl2016/figure1', case=case) for case in ('caffe', 'kmeans')):
        recipe = change_rates.CASES[cell['case']][2]
        results[cell] = {'layers': change_rates.initialized(fed, recipe, batches=8)}
    page = page_of('kraehenbuehl2016/figure1', results)
    assert page.count('| conv1 | conv2 | ip1 | ip2 |') == 2 and '| k-means |' in page
    pytest.importorskip('matplotlib')
    change_rates.draw(results, tmp_path / 'a.png')
    assert (tmp_path / 'a.png').stat().st_size > 10_000


# -- images


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


def test_batches_are_different_images_with_their_labels(data):
    folder = data / 'cifar10'
    images = cifar10.Cifar10([folder / 'data_batch_1.bin'], 8)
    batch = images.batch(np.random.default_rng(0))
    assert batch['data'].shape == (8, 3, 32, 32) and sorted(batch['label']) == list(range(8))
    assert abs(images.images.mean(axis=0)).max() < 1e-6
    both = cifar10.Cifar10([folder / 'data_batch_1.bin', folder / 'data_batch_2.bin'], 5)
    first, second = both.in_order(2)
    assert list(first['label']) == [0, 1, 2, 3, 4] and list(second['label']) == [5, 6, 7, 0, 1]
