"""The data layer of photographs and their classes: what it makes, and that training goes on from a
snapshot as if it had never stopped."""

import json

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.errors import DataError
from goodinit.proto.caffe_pb2 import TEST, TRAIN, LayerParameter, NetParameter, SolverParameter
from goodinit.solvers import Solver
from goodinit.voc.classes import CLASSES
from goodinit.voc.classification import photographs_layer
from goodinit.voc.devkit import open_devkit
from goodinit.voc.labels import labels_of
from goodinit.voc.windows import Window, cut_windows
from mini_devkit import MINI

SMALL = {'data': str(MINI), 'batch_size': 3, 'crop_size': 40}


def build(phase=TRAIN, seed=0, **fields):
    return Net(NetParameter(layer=photographs_layer(**SMALL | fields)), phase, seed=seed)


def batches(net, count):
    found = []
    for _ in range(count):
        net.forward()
        found.append((net.blobs['data'].data.copy(), net.blobs['label'].data.copy()))
    return found


def same(these, those):
    for (images, labels), (others, other_labels) in zip(these, those, strict=True):
        np.testing.assert_array_equal(images, others)
        np.testing.assert_array_equal(labels, other_labels)


def test_in_test_images_come_in_order_as_their_central_square():
    net = build(TEST, split='test', batch_size=4, mean=[1, 2, 3])
    [(images, labels)] = batches(net, 1)
    photographs = open_devkit(MINI).photographs('test')
    np.testing.assert_array_equal(labels, labels_of(photographs))
    first = photographs[0]
    assert (first.width, first.height) == (128, 96)
    [pixels] = cut_windows(first.path, [Window(16, 0, 96)], 40)
    np.testing.assert_array_equal(images[0], pixels - np.array([1, 2, 3.0])[:, None, None])


def test_a_pass_shows_each_photograph_once_and_the_next_in_another_order():
    net = build(batch_size=8)
    shown = [labels.tolist() for _, labels in batches(net, 3)]
    everything = sorted(labels_of(open_devkit(MINI).photographs('trainval')).tolist())
    assert all(sorted(labels) == everything for labels in shown)
    assert shown[0] != shown[1] != shown[2]


def test_batches_depend_on_the_seed_alone():
    same(batches(build(seed=1), 4), batches(build(seed=1), 4))
    first, other = batches(build(seed=1), 1)[0][0], batches(build(seed=2), 1)[0][0]
    assert (first != other).any()


def test_a_restored_layer_goes_on_as_if_nothing_had_happened():
    net = build()
    batches(net, 2)
    state = json.loads(json.dumps(net.layers[0].state()))
    expected = batches(net, 5)
    other = build(seed=9)
    batches(other, 1)
    other.layers[0].restore(state)
    same(batches(other, 5), expected)


def test_a_snapshot_has_the_position(tmp_path):
    param = NetParameter(layer=photographs_layer(**SMALL))
    param.layer.append(LayerParameter(name='fc', type='InnerProduct', bottom=['data'], top=['fc']))
    param.layer[1].inner_product_param.num_output = len(CLASSES)
    param.layer[1].inner_product_param.weight_filler.type = 'gaussian'
    param.layer.append(
        LayerParameter(
            name='loss', type='SigmoidCrossEntropyLoss', bottom=['fc', 'label'], top=['loss']
        )
    )
    solver = SolverParameter(
        net_param=param, base_lr=1e-7, lr_policy='fixed', snapshot_prefix=str(tmp_path / 'a')
    )
    straight = Solver(solver, seed=1)
    straight.step(2)
    state = straight.snapshot()
    straight.step(3)
    resumed = Solver(solver, seed=2)
    resumed.restore(state)
    resumed.step(3)
    np.testing.assert_array_equal(
        resumed.net.params['fc'][0].data, straight.net.params['fc'][0].data
    )


def test_a_layer_of_bvlc_s_may_keep_something_by_the_name_of_state():
    net = build()
    before = net.layers[0].state()
    net.layers[0].user.state = net.layers[0].user.restore = 'something'
    assert net.layers[0].state() == before
    net.layers[0].restore(before)


@pytest.mark.parametrize('difficult, expected', [('ignore', -1), ('present', 1), ('absent', 0)])
def test_difficult_objects_are_what_the_option_says(difficult, expected):
    photographs = open_devkit(MINI).photographs('trainval')
    monitor = CLASSES.index('tvmonitor')
    labels = labels_of(photographs, difficult)
    assert labels[3, monitor] == expected
    assert labels[4, monitor] == 1
    assert labels[3, CLASSES.index('bottle')] == 1
    net = build(TEST, batch_size=8, difficult=difficult)
    [(_, shown)] = batches(net, 1)
    np.testing.assert_array_equal(shown, labels)


def test_a_difficult_object_does_not_hide_another_of_its_class():
    photograph = open_devkit(MINI).photographs('trainval')[4]
    easy = photograph.boxes[0]
    hard = easy._replace(difficult=True)
    for boxes in ((easy, hard), (hard, easy)):
        labels = labels_of([photograph._replace(boxes=boxes)])
        assert labels[0, easy.label] == 1


@pytest.mark.parametrize(
    'fields, words',
    [
        ({'batch_size': 0}, 'batch_size: found 0, needed: 1 or more'),
        ({'crop_size': 1.5}, 'crop_size: found 1.5, needed: a whole number'),
        ({'scales': [2, 1]}, 'scales: found 2 and 1, needed: 0 < first <= second'),
        ({'scales': [1]}, r'scales: found \[1\], needed: a list of 2 numbers'),
        ({'mean': [1, 2, True]}, 'mean: found .*, needed: a list of 3 numbers'),
        ({'data': 7}, 'data: found 7, needed: a text'),
        ({'difficult': 'skip'}, "difficult: found 'skip', needed: one of ignore, present, absent"),
        ({'splitt': 'test'}, "param_str: no field 'splitt'; did you mean 'split'"),
    ],
)
def test_fields_that_make_no_sense_are_refused(fields, words):
    with pytest.raises(DataError, match=words):
        build(**fields)


@pytest.mark.parametrize(
    'text, words',
    [
        ('data: 5', r"param_str: not JSON .*: 'data: 5'"),
        ('[]', r"param_str: found '\[\]', needed: fields"),
        ('', 'param_str: data is missing; needed: a text'),
    ],
)
def test_a_param_str_that_is_no_json_is_refused(text, words):
    [layer] = photographs_layer()
    layer.python_param.param_str = text
    with pytest.raises(DataError, match=words):
        Net(NetParameter(layer=[layer]), TRAIN)


def test_two_tops_are_needed():
    [layer] = photographs_layer(**SMALL)
    del layer.top[1:]
    with pytest.raises(DataError, match='found 1 tops, needed: 2, for images and labels'):
        Net(NetParameter(layer=[layer]), TRAIN)


def test_an_image_that_cannot_be_read_stops_training_and_is_tried_again(tmp_path):
    import shutil

    shutil.copytree(MINI, tmp_path / 'devkit')
    image = tmp_path / 'devkit' / 'VOC2007' / 'JPEGImages' / '000009.jpg'
    content = image.read_bytes()
    image.write_bytes(b'no image')
    net = build(TEST, data=str(tmp_path / 'devkit'), split='test', batch_size=1)
    for _ in range(2):
        with pytest.raises(DataError, match=r'000009\.jpg: cannot be read as an image'):
            net.forward()
    image.write_bytes(content)
    net.forward()
    assert net.blobs['label'].data[0, CLASSES.index('car')] == 1
