"""Table 3 and Figure 2 of Krähenbühl et al. on twelve drawn pictures and small nets."""

import numpy as np
import pytest
from goodinit.experiments import voc_classification as voc
from goodinit.experiments.kraehenbuehl2016 import figure2, table3
from goodinit.experiments.runner import ExperimentError, Run
from goodinit.experiments.voc_cells import PRETRAINED, cell
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.proto import write_text
from goodinit.proto.caffe_pb2 import TEST, NetParameter
from goodinit.voc.classification import inputs, scoring_net, training_net
from mini_devkit import MINI, YEAR

TINY = {**voc.PAPER, 'steps': 2, 'batch_size': 4, 'model': 'cifar10_quick', 'crop': 32}


@pytest.fixture
def data(tmp_path):
    """A folder of data sets."""
    folder = tmp_path / 'data'
    folder.mkdir()
    (folder / 'VOCdevkit').symlink_to(MINI)
    (folder / 'imagenet_sample').symlink_to(YEAR / 'JPEGImages')
    return folder


def run_of(data, settings):
    work = data.parent / 'work'
    work.mkdir(exist_ok=True)
    return Run({**TINY, **settings}, data, work)


def small_net(seed, phase=None):
    net = Net(training_net('cifar10_quick', inputs(2, 32)), phase)
    fill(net, np.random.default_rng(seed))
    return net


# -- Table 3


def test_another_s_weights_are_taken_except_the_classifier_s(data):
    folder = data / 'caffemodels'
    folder.mkdir()
    theirs = small_net(3)
    for name in PRETRAINED:
        theirs.save(folder / f'{name}.caffemodel')
    net = voc.initialized(run_of(data, cell('wang2015', 'none', 'sgd').settings), photographs())
    np.testing.assert_array_equal(net.params['conv2'][0].data, theirs.params['conv2'][0].data)
    assert (net.params['ip2'][0].data != theirs.params['ip2'][0].data).any()
    np.testing.assert_allclose(net.params['ip2'][1].data, 0.1)
    found = table3.measure_cell(run_of(data, cell('wang2015', 'between', 'sgd').settings))
    assert not found['diverged'] and [row[0] for row in found['curve']] == [0, 2]


def photographs():
    from goodinit.voc.devkit import open_devkit

    return open_devkit(MINI).photographs('trainval')


def test_without_their_nets_a_line_says_what_to_fetch(data):
    with pytest.raises(ExperimentError, match=r'found no agrawal2015\.caffemodel in .*caffemodels'):
        table3.measure_cell(run_of(data, cell('agrawal2015', 'none', 'sgd').settings))


def test_rescaling_keeps_what_a_net_computes(data):
    folder = data / 'squeezenet'
    folder.mkdir()
    param = scoring_net(training_net('cifar10_quick', inputs(2, 32)), 32)
    param.layer.add(name='prob', type='Softmax', bottom=['ip2'], top=['prob'])
    write_text(NetParameter(layer=param.layer), folder / 'deploy.prototxt')
    net = Net(param, TEST)
    fill(net, np.random.default_rng(1))
    for param in net.params.values():
        param[1].data = 0.01  # without biases there would be little to keep
    net.save(folder / 'a.caffemodel')
    found = table3.measure_cell(run_of(data, {'weights': 'squeezenet', 'seed': 1}))
    before, after = found['spread']
    assert after < before / 2
    assert found['moved'] < 1e-3 and found['same'] == 1
    experiment = table3.EXPERIMENT
    [cell_of_it] = experiment.reduced.cells
    page = experiment.report({cell_of_it: found}, experiment.reduced)
    assert '| squeezenet |' in page and '| 100% |' in page


def test_the_page_of_table_3():
    experiment = table3.EXPERIMENT
    way = {'eleven_point': [0.5]}
    found = {'diverged': False, 'average_precision': {'ten_random': way}}
    page = experiment.report(dict.fromkeys(experiment.full.cells, found), experiment.full)
    assert '| doersch2015 | 50.0 (55.3) | 50.0 (65.3) |' in page


# -- Figure 2


def test_nearest_is_the_smallest_angle_and_never_oneself():
    features = np.array([[1, 0], [0, 2], [3, 0.5], [0.1, 1], [0, 0]])
    assert figure2.nearest(features, 3) == [2, 3, 0]


def test_neighbors_of_each_net_are_a_picture(data, tmp_path):
    numbers = {'images': 6, 'queries': 4, 'layers': ('ip1', 'conv3')}
    results = {}
    for each in figure2.cells():
        found = figure2.measure(run_of(data, {**each.settings, **numbers}))
        assert found['names'] == [f'{number:06}.jpg' for number in range(1, 7)]
        assert list(found['nearest']) == ['ip1', 'conv3']
        results[each] = found
    initialized, trained = (results[each]['nearest'] for each in list(results)[1:])
    assert len(initialized['ip1']) == len(trained['ip1']) == 4
    experiment = figure2.EXPERIMENT
    protocol = experiment.reduced
    page = experiment.report(results, type(protocol)(protocol.cells, '', numbers))
    assert 'Of 4 photographs among 6' in page and '| random, kmeans |' in page
    experiment.draw(results, tmp_path / 'a.png')
    assert (tmp_path / 'a.png').stat().st_size > 10_000
