"""The data layer of photographs and regions, beside loops over single regions."""

import json

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.data.images import resize
from goodinit.netlib.errors import DataError
from goodinit.netlib.rng import make_rng
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import NetParameter
from goodinit.voc.devkit import Photograph, open_devkit
from goodinit.voc.region_sampler import MEAN, Sampling, draw, prepared
from goodinit.voc.targets import Examples, code_statistics, examples_of
from mini_devkit import MINI
from small_fast_rcnn import known_regions, options, train_val

PHOTOGRAPHS = open_devkit(MINI).photographs('trainval')


@pytest.fixture
def regions(tmp_path):
    return known_regions(tmp_path)


@pytest.fixture
def examples(regions):
    with np.load(regions) as known:
        return [examples_of(each, known[each.name]) for each in PHOTOGRAPHS]


def data_net(regions, seed=1, **others):
    param = train_val(regions, **others)
    return Net(NetParameter(layer=param.layer[:1]), 0, seed=seed)


def values_of(net):
    return {name: blob.data.copy() for name, blob in net.blobs.items()}


# -- drawing


def made_examples(overlaps):
    count = len(overlaps)
    labels = np.full(count, 3)
    return Examples(np.zeros((count, 4)), np.array(overlaps), labels, np.zeros((count, 4)))


@pytest.mark.parametrize(
    ('overlaps', 'objects', 'background'),
    [
        ([0.9] * 50 + [0.2] * 50, 4, 12),  # a quarter of 16
        ([0.9] * 2 + [0.2] * 50, 2, 14),
        ([0.9] * 50 + [0.2] * 5, 4, 5),
        ([0.5, 0.4999, 0.1, 0.0999], 1, 2),
        ([0.05, 0.02, 0.07], 0, 1),  # none fits: the one that overlaps least
    ],
)
def test_so_many_regions_are_drawn(overlaps, objects, background):
    given = made_examples(overlaps)
    chosen, found = draw(given, Sampling(regions_per_image=16), make_rng(0))
    assert (found, len(chosen) - found) == (objects, background)
    assert len(set(chosen.tolist())) == len(chosen)
    assert (given.overlap[chosen[:found]] >= 0.5).all()
    assert (given.overlap[chosen[found:]] < 0.5).all()


def test_every_region_is_drawn_some_time():
    given = made_examples([0.9] * 8 + [0.2] * 20)
    rng = make_rng(0)
    seen = set()
    for _ in range(60):
        chosen, _ = draw(given, Sampling(regions_per_image=8), rng)
        seen.update(chosen.tolist())
    assert seen == set(range(28))


@pytest.mark.parametrize(
    ('scale', 'longest', 'size'),
    [(48, 1000, (48, 64)), (48, 60, (45, 60)), (192, 1000, (192, 256))],
)
def test_short_side_and_longest(scale, longest, size):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 96, 128), np.uint8)
    image, factor = prepared(pixels, scale, longest, MEAN)
    assert image.shape[1:] == size and factor == pytest.approx(size[0] / 96)
    line, _ = prepared(pixels[:, :1].repeat(20, axis=2), 600, 1000, MEAN)
    assert line.shape == (3, 1, 1000)
    wanted = resize(pixels, *size) - np.reshape(MEAN, (3, 1, 1))
    assert image == pytest.approx(wanted, abs=1e-4)


# -- the layer


def test_the_tops_are_what_the_examples_say(regions, examples):
    """Each row is an example of its photograph, perhaps mirrored, resized, with normalized codes at
    the places of its label."""
    net = data_net(regions, scales=[48])
    mean, deviation = net.layers[0].params[0].data
    assert net.layers[0].params[0].data == pytest.approx(code_statistics(examples))
    for _ in range(6):
        net.forward()
        blobs = values_of(net)
        assert blobs['data'].shape[:3] == (2, 3, 48)
        for i in (0, 1):
            rows = blobs['rois'][:, 0] == i
            index, mirror = identify(blobs['data'][i])
            check_rows(blobs, rows, examples[index], PHOTOGRAPHS[index], mirror, mean, deviation)


def identify(image):
    """Which photograph this is, and whether it is mirrored."""
    for index, photograph in enumerate(PHOTOGRAPHS):
        pixels, _ = prepared(photograph.pixels(), 48, 1000, MEAN)
        for mirror in (False, True):
            seen = pixels[:, :, ::-1] if mirror else pixels
            part = image[:, :, : seen.shape[2]]
            if np.allclose(part, seen, atol=3) and not image[:, :, seen.shape[2] :].any():
                return index, mirror
    raise AssertionError('no photograph')


def check_rows(blobs, rows, examples, photograph, mirror, mean, deviation):
    boxes = examples.boxes.copy()
    codes = examples.codes.copy()
    if mirror:
        boxes[:, [0, 2]] = photograph.width - 1 - boxes[:, [2, 0]]
        codes[:, 0] *= -1
    labels = blobs['labels'][rows].astype(int)
    assert 0 < rows.sum() <= 12 and (labels > 0).sum() <= 3
    for roi, label, target, weight in zip(
        blobs['rois'][rows],
        labels,
        blobs['bbox_targets'][rows],
        blobs['bbox_loss_weights'][rows],
        strict=True,
    ):
        same = np.isclose(boxes / 2, roi[1:], atol=1e-3).all(1)
        which = np.flatnonzero(same)
        assert len(which)
        wanted = np.zeros((21, 4))
        inside = np.zeros((21, 4))
        if label:
            assert examples.overlap[which[0]] >= 0.5 and examples.labels[which[0]] == label
            wanted[label] = (codes[which[0]] - mean[label]) / deviation[label]
            inside[label] = 1
        else:
            assert 0.1 <= examples.overlap[which[0]] < 0.5
        assert target == pytest.approx(wanted.ravel(), abs=1e-4)
        assert weight.tolist() == inside.ravel().tolist()


def test_a_pass_shows_every_photograph_once(regions):
    net = data_net(regions, scales=[48], mirror=False)
    for _ in range(2):
        seen = []
        for _ in range(4):
            net.forward()
            seen += [identify(image)[0] for image in net.blobs['data'].data]
        assert sorted(seen) == list(range(8))


def test_the_seed_decides(regions):
    one, same, other = (data_net(regions, seed) for seed in (1, 1, 2))
    for net in (one, same, other):
        net.forward()
    assert (one.blobs['data'].data == same.blobs['data'].data).all()
    assert (one.blobs['rois'].data == same.blobs['rois'].data).all()
    assert (
        one.blobs['rois'].shape != other.blobs['rois'].shape
        or (one.blobs['rois'].data != other.blobs['rois'].data).any()
    )


def test_it_goes_on_from_a_state(regions):
    net, twin = data_net(regions), data_net(regions, seed=5)
    for _ in range(3):
        net.forward()
    twin.layers[0].restore(net.layers[0].state())
    for _ in range(3):  # into the next pass
        net.forward()
        twin.forward()
        ours, theirs = values_of(net), values_of(twin)
        assert all((ours[name] == theirs[name]).all() for name in ours)


def test_an_unreadable_photograph_stops_it_and_does_not_skip(regions, monkeypatch):
    net = data_net(regions)
    whole = Photograph.pixels

    def damaged(photograph):
        raise DataError('damaged')

    monkeypatch.setattr(Photograph, 'pixels', damaged)
    with pytest.raises(DataError, match='damaged'):
        net.forward()
    monkeypatch.setattr(Photograph, 'pixels', whole)
    twin = data_net(regions)
    net.forward()
    twin.forward()
    assert (net.blobs['rois'].data == twin.blobs['rois'].data).all()


def test_only_the_first(regions):
    net = data_net(regions, scales=[48], first=2, mirror=False)
    for _ in range(4):
        net.forward()
        assert {identify(image)[0] for image in net.blobs['data'].data} == {0, 1}


@pytest.mark.parametrize(
    ('given', 'words'),
    [
        ({'images': 0}, 'images: found 0, needed: 1 or more'),
        ({'regions_per_image': -1}, 'regions_per_image: found -1, needed: 1 or more'),
        ({'scales': [0]}, 'scales: found 0, needed: 1 or more'),
        ({'scales': []}, r'scales: found \[\], needed: a list of whole numbers'),
        ({'longest': 0}, 'longest: found 0, needed: 1 or more'),
        ({'first': -1}, 'first: found -1, needed: 0 or more'),
        ({'foreground': 2}, 'foreground: found 2, needed: a share from 0 to 1'),
        ({'background': [0.5, 0.1]}, r'background: found 0\.5 and 0\.1, needed: 0 <= first < sec'),
        ({'mirror': 1}, 'mirror: found 1, needed: true or false'),
        ({'split': 'all'}, "split: found 'all'"),
        ({'scale': 600}, "no field 'scale'.*scales"),
    ],
)
def test_options_that_make_no_sense(regions, given, words):
    with pytest.raises(DataError, match=words):
        data_net(regions, **given)


def test_another_number_of_tops(regions):
    text = json.dumps(options(regions))
    layer = (
        'layer { name: "d" type: "Python" top: "d" python_param { '
        f'module: "goodinit.voc.region_data" layer: "RegionData" param_str: {text} }} }}'
    )
    with pytest.raises(DataError, match='found 0 bottoms and 1 tops, needed: none and 5'):
        Net(parse_net(layer))
