"""Fast R-CNN by command: initialized on regions, trained, resumed; its statistics go with it."""

import numpy as np
import pytest
from goodinit.feeding.data_options import DataOptions
from goodinit.feeding.fed_net import feed_net
from goodinit.feeding.filled_net import Net
from goodinit.feeding.net_file import read_net_file
from goodinit.netlib.weights import read_weights_file
from goodinit.proto.caffe_pb2 import TRAIN
from goodinit.tools.init_net import main as init
from goodinit.tools.train import main as train
from goodinit.voc.detections import Detections, average_precisions
from goodinit.voc.devkit import open_devkit
from goodinit.voc.finder import open_finder, take_statistics
from goodinit.voc.regions import open_regions
from mini_devkit import MINI
from small_fast_rcnn import deploy, known_regions, train_val, written
from toolkit import json_of

TRAINVAL = open_devkit(MINI).photographs('trainval')
SOLVER = """net: "{net}" base_lr: 0.01 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.1
display: 1 max_iter: 4 snapshot: 2 snapshot_prefix: "{prefix}" random_seed: 3"""


@pytest.fixture
def net(tmp_path):
    return written(tmp_path, train_val(known_regions(tmp_path)), 'train_val.prototxt')


def solver(tmp_path, net, name):
    path = tmp_path / f'{name}.prototxt'
    path.write_text(SOLVER.format(net=net, prefix=tmp_path / name))
    return str(path)


def weights_of(path):
    return read_weights_file(path, None)


def test_rates_are_evened_across_the_pooling_of_regions(tmp_path, net, capsys):
    """The regions' numbers say where, not how much: the scale of what is pooled is free."""
    out = tmp_path / 'init.caffemodel'
    arguments = [
        '--proto',
        net,
        '--method',
        'kmeans',
        '--batches',
        '8',
        '--out',
        str(out),
        '--json',
    ]
    said = json_of(init, arguments, capsys)
    rates = [row['after']['change_rate'] for row in said['layers']]
    assert max(rates) / min(rates) < 3
    assert 'data' in said['inputs'] and 'rois' not in said['inputs']
    assert not weights_of(str(out)).layer[0].blobs


def test_regions_and_targets_are_not_clipped_like_labels(net):
    """Only labels are indices of classes, which the net must have."""
    fed = feed_net(read_net_file(net, TRAIN), DataOptions(batches=4))
    reading = Net(net, 'train', seed=0)
    for batch in fed.data.batches:
        reading.forward(end='data')
        for name in ('rois', 'bbox_targets', 'bbox_loss_weights'):
            assert (batch[name] == reading.blobs[name].data).all()
    assert max(batch['rois'].max() for batch in fed.data.batches) > 90
    assert min(batch['bbox_targets'].min() for batch in fed.data.batches) < 0


def test_without_regions_whole_images_are_pooled(tmp_path):
    """A net for use has no data layer to tell of regions."""
    path = written(tmp_path, deploy(), 'deploy.prototxt')
    options = DataOptions(batch_size=4, batches=2, held_out=True)
    fed = feed_net(read_net_file(path, TRAIN), options)
    whole = [[i, 0, 0, 127, 95] for i in range(4)]
    for batch in fed.data.batches + fed.data.held_out:
        assert batch['rois'].tolist() == whole[: len(batch['rois'])]
    assert "input 'rois': each region is a whole image" in fed.notes
    assert fed.net.forward() == 0 and init(['--proto', path, '--dry-run', '--quiet']) == 0


def test_weights_without_statistics_leave_those_of_the_data(tmp_path, net):
    assert init(['--proto', net, '--quiet', '--out', str(tmp_path / 'w.caffemodel')]) == 0
    own = Net(net, 'train').params['data'][0].data
    loaded = Net(net, 'train', load=str(tmp_path / 'w.caffemodel')).params['data'][0].data
    assert own.any() and (loaded == own).all()


def test_statistics_are_kept_by_training_and_taken_from_weights(tmp_path, net, capsys):
    own = Net(net, 'train').params['data'][0].data
    assert train(['--solver', solver(tmp_path, net, 'a')]) == 0
    saved = weights_of(str(tmp_path / 'a_iter_4.caffemodel'))
    assert (take_statistics(saved) == own).all()  # decay and momentum pass them by
    assert take_statistics(saved) is None
    # A net trained further keeps the statistics that its boxes were trained for.
    changed = Net(net, 'train', seed=1)
    changed.params['data'][0].data = own + 1
    changed.save(tmp_path / 'changed.caffemodel')
    further = Net(net, 'train', load=str(tmp_path / 'changed.caffemodel'), seed=2)
    plain = Net(net, 'train', seed=2)
    further.forward()
    plain.forward()
    inside = plain.blobs['bbox_loss_weights'].data > 0
    ours, theirs = (each.blobs['bbox_targets'].data[inside] for each in (further, plain))
    mean, deviation = own.reshape(2, -1)
    columns = np.nonzero(inside)[1]
    codes = theirs * deviation[columns] + mean[columns]
    wanted = (codes - mean[columns] - 1) / (deviation[columns] + 1)
    assert ours == pytest.approx(wanted, abs=1e-5)


def test_a_resumed_training_ends_as_one_that_was_not_stopped(tmp_path, net, capsys):
    assert train(['--solver', solver(tmp_path, net, 'whole')]) == 0
    parts = solver(tmp_path, net, 'parts')
    assert train(['--solver', parts, '--iterations', '2']) == 0
    state = str(tmp_path / 'parts_iter_2.solverstate')
    assert train(['--solver', parts, '--snapshot', state]) == 0
    whole, resumed = (
        weights_of(str(tmp_path / f'{name}_iter_4.caffemodel')) for name in ('whole', 'parts')
    )
    assert whole == resumed


def mean_precision(finder, regions):
    detections = Detections()
    for photograph in TRAINVAL:
        detections.add(finder.score(photograph.pixels(), regions(photograph)))
    return np.nanmean(average_precisions(detections, TRAINVAL))


def test_a_tiny_net_learns_to_find_what_is_drawn(tmp_path, capsys):
    """From an initialization on its own regions, in 60 steps, the objects that it is shown."""
    known = known_regions(tmp_path, near=12)
    net = written(tmp_path, train_val(known, regions_per_image=32), 'train_val.prototxt')
    weights = str(tmp_path / 'init.caffemodel')
    given = ['--proto', net, '--method', 'gaussian', '--batches', '8', '--quiet']
    assert init([*given, '--normalize', 'within', '--between', 'exact', '--out', weights]) == 0
    path = tmp_path / 'solver.prototxt'
    text = SOLVER.replace('base_lr: 0.01', 'base_lr: 0.001').replace('weight_decay: 0.1', '')
    text = text.replace('max_iter: 4 snapshot: 2', 'max_iter: 60')
    path.write_text(text.format(net=net, prefix=tmp_path / 'learned'))
    assert train(['--solver', str(path), '--weights', weights]) == 0
    regions = open_regions(str(known))
    precisions = []
    for each in (weights, str(tmp_path / 'learned_iter_60.caffemodel')):
        finder, _ = open_finder(written(tmp_path, deploy(), 'd.prototxt'), each, scale=96)
        precisions.append(mean_precision(finder, regions))
    before, after = precisions
    assert before < 0.2 and after > 0.5
