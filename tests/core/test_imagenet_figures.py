"""CaffeNet's and GoogLeNet's figures of Krähenbühl et al. and of Mishkin & Matas, on drawn pictures
and a small net."""

import shutil

import numpy as np
import pytest
from goodinit.experiments import imagenet_training as training
from goodinit.experiments import mishkin_imagenet
from goodinit.experiments.kraehenbuehl2016 import figure3, figure4
from goodinit.experiments.mishkin2016 import figure4 as caffenet
from goodinit.experiments.mishkin2016 import figure5 as googlenet
from goodinit.experiments.runner import Curve, ExperimentError, Run
from goodinit.netlib import Net
from goodinit.tools import convert_imageset
from mini_devkit import YEAR

TINY = {
    'iterations': 3,
    'batch_size': 4,
    'every': 1,
    'snapshot': 2,
    'photographs': True,
    'model': 'cifar10_quick',
    'seed': 1,
}


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder of data sets; images are small."""
    monkeypatch.setattr(training, 'SIDE', 32)
    monkeypatch.setattr(training, 'TO_INITIALIZE', 12)
    folder = tmp_path / 'imagenet_sample'
    folder.mkdir()
    for path in sorted((YEAR / 'JPEGImages').iterdir())[:10]:
        shutil.copy(path, folder)
    return tmp_path


def run_of(data, weights, **numbers):
    work = data / 'work'
    work.mkdir(exist_ok=True)
    return Run({**TINY, 'weights': weights, **numbers}, data, work)


@pytest.mark.parametrize('weights', ['reference', 'lsuv', 'random', 'kmeans'])
def test_a_cell_is_measured(data, weights):
    found = training.measure(run_of(data, weights))
    assert list(found['losses']) == ['1', '2', '3'] and not found['diverged']
    assert found['losses']['1'] > 1
    if weights in ('random', 'kmeans'):  # classifiers that are zero know nothing
        assert found['losses']['1'] == pytest.approx(np.log(10), abs=1e-4)


def test_photographs_have_labels_of_their_own(data):
    layer = training.data_layer(run_of(data, 'kmeans', batch_size=10))
    [batch, *_] = training.first_batches(layer, seed=0)
    assert batch['data'].shape == (10, 3, 32, 32)
    assert sorted(batch['label'].tolist()) == list(range(10))


def test_the_full_protocol_needs_databases(data):
    with pytest.raises(
        ExperimentError, match=r'found no ilsvrc12_train_lmdb/data\.mdb in .*ilsvrc'
    ):
        training.data_layer(run_of(data, 'kmeans', photographs=False))
    for name in ('ilsvrc12_train_lmdb', 'ilsvrc12_val_lmdb'):
        folder = data / 'ilsvrc12' / name
        folder.mkdir(parents=True)
        (folder / 'data.mdb').touch()
    run = run_of(data, 'kmeans', photographs=False, model='caffenet')
    layer = training.data_layer(run)
    assert layer.type == 'Data' and layer.data_param.batch_size == 256
    assert layer.data_param.source == str(data / 'ilsvrc12' / 'ilsvrc12_train_lmdb')


@pytest.mark.parametrize('figure', [figure3, figure4, caffenet, googlenet])
def test_each_cell_is_a_net_with_a_loss(figure, data):
    for cell in figure.EXPERIMENT.full.cells:
        run = run_of(data, cell['weights'], model=cell['model'])
        param = training.training_net(run, training.data_layer(run))
        losses = [layer.name for layer in param.layer if layer.type == 'SoftmaxWithLoss']
        assert param.layer[-1].name == losses[-1]
        assert len(losses) == (3 if cell['model'] == 'googlenet' else 1)
        assert training.solver_param(run, param).base_lr == pytest.approx(0.01)
        assert cell['weights'] in training.RECIPES


def test_a_program_can_feed_the_net(data):
    run = run_of(data, 'kmeans')
    layer = training.data_layer(run)
    batch = training.first_batches(layer, 0)[0]
    net = Net(training.with_inputs(training.training_net(run, layer), batch))
    assert net.inputs == ['data', 'label']


@pytest.mark.parametrize('figure', [figure3, figure4])
def test_pages(figure, tmp_path):
    experiment = figure.EXPERIMENT
    found = {'losses': {str(i): 7 - i / 10 for i in range(1, 12)}, 'diverged': False}
    results = dict.fromkeys(experiment.full.cells, found)
    page = experiment.report(results, experiment.reduced)
    assert '| kmeans | 6.700 | 6.200 | 6.100 |' in page
    assert 'photographs at hand' in page
    assert 'photographs at hand' not in experiment.report(results, experiment.full)
    experiment.draw(results, tmp_path / 'a.png')
    assert (tmp_path / 'a.png').stat().st_size > 5000


def make_database(data, name):
    """Ten photographs of CIFAR-10's size, each of a class of its own."""
    paths = sorted((data / 'imagenet_sample').iterdir())
    listed = data / 'list.txt'
    listed.write_text(''.join(f'{path.name} {i}\n' for i, path in enumerate(paths)))
    size = ['--resize_height', '32', '--resize_width', '32']
    out = data / 'ilsvrc12' / name
    out.parent.mkdir(exist_ok=True)
    folder = f'{data / "imagenet_sample"}/'
    assert not convert_imageset.main([*size, folder, str(listed), str(out)])


def test_accuracy_on_validation_images(data, monkeypatch):
    """The net is trained on what it is validated on, and gets to know it."""
    for name in ('cifar10_train_lmdb', 'cifar10_test_lmdb'):
        make_database(data, name)
    databases = training.DataSet('small', ('ilsvrc12',), ('cifar10_test_lmdb/data.mdb',), '')
    monkeypatch.setattr(training, 'ILSVRC12', databases)
    monkeypatch.setattr(mishkin_imagenet, 'ILSVRC12', databases)
    numbers = {'photographs': False, 'iterations': 40, 'test_every': 20, 'tested': 100}
    found = mishkin_imagenet.measure(run_of(data, 'lsuv', **numbers))
    assert list(found['accuracies']) == ['0', '20', '40'] and len(found['losses']) == 40
    assert found['accuracies']['40'] > 0.3 > found['accuracies']['0']


def test_the_end_of_a_flat_start(tmp_path):
    flat = {str(at): 6.9 for at in range(1, 11)}
    assert mishkin_imagenet.end_of_flat_start(flat) is None
    falling = {**flat, **{str(at): 6.0 for at in range(11, 21)}}
    assert mishkin_imagenet.end_of_flat_start(falling) == 8  # two of five points are low
    figure = caffenet.EXPERIMENT
    cells = figure.full.cells
    accuracies = {'0': 0.001, '1000': 0.2}
    results = {
        cells[0]: {'losses': falling, 'accuracies': accuracies, 'diverged': False},
        cells[1]: {'losses': flat, 'accuracies': {'0': 0.001}, 'diverged': False},
    }
    page = figure.report(results, figure.full)
    assert '| LSUV | 6.900 | 6.000 | 6.000 | 8 | 20.0 |' in page
    figure.draw(results, tmp_path / 'figure.png')
    assert (tmp_path / 'figure.png').exists()


def test_a_loss_that_is_not_finite_is_no_point_of_a_curve():
    curve = Curve(probes={'1': [None, None], '2': [7.5, 0.1], '3': [float('inf'), None]})
    losses = training.column(curve, 0)
    assert losses == {'2': 7.5}
    assert training.three_means(losses) == ['7.500'] * 3
    assert training.three_means({}) == ['–'] * 3
