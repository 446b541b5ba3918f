"""Luther & Seung (2019): the theory, the nets, and experiments on little data."""

from math import pi, sqrt

import numpy as np
import pytest
from experiment_runs import cell_of, committed, few_cifar, few_slices, measured, page_of
from goodinit.experiments import luther_data, luther_nets, luther_seung, sample_ratio
from goodinit.experiments.luther2019 import figure2, figure3, figure4
from goodinit.experiments.runner import ExperimentError, Run
from goodinit.experiments.runner.catalog import open_experiment
from goodinit.feeding.net_file import read_net_file
from goodinit.netlib import Net
from goodinit.proto.caffe_pb2 import TRAIN


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    return few_slices(few_cifar(tmp_path / 'data'))


# -- theory


@pytest.mark.parametrize('c', [-0.5, 0.0, 0.3, 0.9])
def test_similarity_is_the_integral_of_the_paper(c):
    points = np.linspace(-8, 8, 801)
    step = points[1] - points[0]
    z1, z2 = np.meshgrid(points, points)
    density = np.exp(-(z1**2 + z2**2) / 2) / (2 * pi)
    integrand = np.maximum(z1, 0) * np.maximum(c * z1 + sqrt(1 - c * c) * z2, 0) * density
    assert luther_seung.similarity(c) == pytest.approx(2 * integrand.sum() * step**2, abs=1e-4)


def test_similarities_rise_to_one():
    found = luther_seung.similarities(1000)
    assert found[0] == 0 and found[1] == pytest.approx(1 / pi)
    assert np.all(np.diff(found) > 0) and 0.999 < found[-1] < 1
    assert luther_seung.predicted_ratios(50)[-1] == pytest.approx(8.87, abs=0.01)


def test_a_ratio_is_that_of_the_units():
    rng = np.random.default_rng(0)
    values = rng.normal(1, 2, (7, 3, 4, 5))
    sums = sample_ratio.Sums()
    sums.add(values[:4])
    sums.add(values[4:])
    units = sqrt((values.mean(axis=0) ** 2).sum() / values.var(axis=0).sum())
    pooled = values.transpose(0, 2, 3, 1).reshape(-1, 3)
    channels = sqrt((pooled.mean(axis=0) ** 2).sum() / pooled.var(axis=0).sum())
    assert sums.ratio() == pytest.approx(units)
    assert sums.ratio(channels=True) == pytest.approx(channels)


# -- what was found


def test_gradients_explode_as_theory_says():
    slopes = figure3.by_init(committed('luther2019/figure3'))
    for init, squares in slopes.items():
        assert figure3.slope(squares) == pytest.approx(figure3.PREDICTED[init], abs=0.01), init


def test_ratios_rise_as_in_the_paper():
    means = {
        name: values.mean(axis=0)
        for name, values in figure2.by_net(committed('luther2019/figure2', reduced=True)).items()
    }
    assert np.all(np.diff(means['all_cnn_c']) > 0)
    assert 9 <= means['unet'].argmax() <= 13 and means['unet'][-1] < 0.6 * means['unet'].max()
    last = [means[f'mlp{width}'][-1] for width in figure2.WIDTHS]
    assert last == sorted(last) and last[-1] < luther_seung.predicted_ratios(50)[-1]


# -- that they run


@pytest.mark.parametrize('init', figure3.TITLES)
def test_gradients_by_layer(init, tmp_path):
    pytest.importorskip('matplotlib')
    cell = cell_of('luther2019/figure3', init=init)
    numbers = {'width': 60, 'samples': 40}
    found = measured('luther2019/figure3', tmp_path, tmp_path / 'work', cell, **numbers)
    squares = np.array(found['squares'])
    assert len(squares) == 51 and np.all(squares > 0)
    assert (figure3.slope(squares) < -0.1) == (init != 'kaiming')
    assert figure3.TITLES[init] in page_of('luther2019/figure3', {cell: found}, **numbers)
    figure3.draw({cell: found}, tmp_path / 'a.png')
    assert (tmp_path / 'a.png').stat().st_size > 10_000


def test_histograms_of_preactivations(tmp_path):
    pytest.importorskip('matplotlib')
    cell = cell_of('luther2019/figure1')
    numbers = {'width': 30, 'samples': 20}
    found = measured('luther2019/figure1', tmp_path, tmp_path / 'work', cell, **numbers)
    assert 0 < found['50']['variance'] < found['1']['variance']
    assert '| 50 |' in page_of('luther2019/figure1', {cell: found}, **numbers)
    open_experiment('luther2019/figure1').draw({cell: found}, tmp_path / 'a.png')
    assert (tmp_path / 'a.png').stat().st_size > 10_000


def test_ratios_of_three_kinds_of_nets(data, tmp_path):
    pytest.importorskip('matplotlib')
    numbers = {'samples': 4, 'slices': 2, 'size': 32, 'batch': 1}
    results = {}
    for net in ('mlp30', 'all_cnn_c', 'unet'):
        cell = cell_of('luther2019/figure2', net=net)
        results[cell] = measured('luther2019/figure2', data, tmp_path / 'w', cell, **numbers)
    depths = [len(found['units']) for found in results.values()]
    assert depths == [50, 10, 23]
    page = page_of('luther2019/figure2', results, **numbers)
    assert (
        'over 1 nets of each kind.' in page
        and 'of 9 steps rise' in page
        and 'U-Net on ISBI 2012:' in page
    )
    figure2.draw(results, tmp_path / 'a.png')
    assert (tmp_path / 'a.png').stat().st_size > 10_000


FEW = {'iterations': 2, 'images': 4, 'slices': 1, 'size': 32}


def test_training_from_scale_and_scale_bias(data, tmp_path):
    pytest.importorskip('matplotlib')
    results = {}
    cases = [('all_cnn_c', 'SGD', 'scale'), ('all_cnn_c', 'SGD', 'scale_bias')]
    for net, solver, init in [*cases, ('unet', 'Adam', 'batch_norm')]:
        cell = cell_of('luther2019/figure4', net=net, solver=solver, init=init)
        numbers = {**FEW, 'narrower_unet': 16}
        folder = tmp_path / cell.name
        results[cell] = measured('luther2019/figure4', data, folder, cell, **numbers)
        assert len(results[cell]['losses']) == 2
    page = page_of('luther2019/figure4', results, **FEW)
    assert 'of 1 cases' in page and '| U-Net | Adam | – | – |' in page
    figure4.draw(results, tmp_path / 'a.png')
    assert (tmp_path / 'a.png').stat().st_size > 10_000


def test_the_best_rate_is_drawn():
    cells = [
        cell_of('luther2019/figure4', init='scale', rate=rate) for rate in (0.0003, 0.001, 0.01)
    ]
    found = [
        {'losses': losses, 'every': 1, 'diverged': diverged}
        for losses, diverged in (([2.0, 1.5], False), ([2.0, 1.0], False), ([0.1], True))
    ]
    best = figure4.best_curves(dict(zip(cells, found, strict=True)))
    found = best['all_cnn_c', 'SGD']['scale']
    assert found.rate == 0.001 and found.end == 1.5  # the mean of both


# -- nets and images


def test_narrow_nets_and_batch_normalization():
    batch = {'data': np.zeros((1, 3, 32, 32)), 'label': np.zeros(1)}
    param = luther_nets.training_net('all_cnn_c', batch, 4, batch_norm=True)
    net = Net(param)
    assert net.params['conv1'][0].shape == (24, 3, 3, 3)
    assert net.params['conv9'][0].shape[0] == 10
    names = [layer.name for layer in net.layers]
    assert names[names.index('conv1') + 1 :][:3] == ['bn_conv1', 'scale_conv1', 'relu1']
    whole = read_net_file('all_cnn_c/reflect', TRAIN).param
    assert luther_nets.narrowed(whole, 1) == whole


def test_warped_slices_keep_image_and_label_together():
    rng = np.random.default_rng(0)
    labels = np.kron(rng.integers(0, 2, (3, 8, 8)), np.ones((1, 10, 10), int))
    images = labels[:, np.newaxis].astype(np.float32)
    batch = luther_nets.slice_batch(images, labels, 4, 48, rng)
    assert batch['data'].shape == batch['label'].shape == (4, 1, 48, 48)
    assert np.mean((batch['data'] > 0.5) == (batch['label'] > 0.5)) > 0.97
    assert set(np.unique(batch['label'])) == {0, 1}


def test_an_image_that_is_none_is_named(data, tmp_path):
    path = data / 'isbi2012' / 'train' / 'image' / '3.png'
    path.write_bytes(b'text')
    with pytest.raises(ExperimentError, match=r'3\.png: cannot read the image'):
        luther_data.isbi_slices(Run({}, data, tmp_path))
