"""A pass in segments computes what a pass at once does, in less memory."""

import dataclasses

import numpy as np
import pytest
from goodinit.initializers import measure, portions, segments
from goodinit.proto.caffe_pb2 import TRAIN
from small_nets import (
    ALL,
    WITH_BATCH_NORM,
    build,
    conv,
    data,
    fc,
    layer,
    pool,
    relu,
    samples,
    shared,
)


@pytest.fixture
def frugal(monkeypatch):
    """Values have no room but that of weights, and no net is cut by samples."""
    monkeypatch.setattr(portions, 'SMALL', 0)
    monkeypatch.setattr(portions, 'FEW', 10**9)


def ranges_of(net):
    return segments.segments_of(net, segments.first_tops(net))


def rows_of(net, batches, dropout=False):
    rows = measure(net, batches, np.random.default_rng(3), dropout, histograms=True)
    return [dataclasses.asdict(row) for row in rows]


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_equal(one, other)


DROPPING = (
    data('4 3 16 16')
    + conv('c1', 'data', 8)
    + relu('c1')
    + layer('Dropout', 'd1', 'c1', 'c1')
    + conv('c2', 'c1', 8)
    + layer('Dropout', 'd2', 'c2')
    + pool('p2', 'd2')
    + conv('c3', 'p2', 8)
    + fc('f', 'c3', 3)
)


@pytest.mark.usefixtures('frugal')
@pytest.mark.parametrize('text', ALL.values(), ids=ALL)
def test_measures_are_those_of_a_pass_at_once(text, monkeypatch):
    net = build(text, phase=TRAIN)
    batches = samples(net, 2)
    assert len(ranges_of(net)) > 1
    found = rows_of(net, batches)
    monkeypatch.setattr(portions, 'SMALL', 10**9)
    assert_same(found, rows_of(net, batches))


@pytest.mark.usefixtures('frugal')
def test_layers_draw_the_same_numbers_again(monkeypatch):
    found = []
    for small in (0, 10**9):
        monkeypatch.setattr(portions, 'SMALL', small)
        net = build(DROPPING, phase=TRAIN)
        assert (len(ranges_of(net)) > 1) == (small == 0)
        found.append(rows_of(net, samples(net), dropout=True))
    assert_same(*found)


@pytest.mark.usefixtures('frugal')
def test_a_pass_holds_no_more_than_a_segment():
    net = build(WITH_BATCH_NORM, phase=TRAIN)
    ranges = ranges_of(net)
    assert len(ranges) > 1
    held = []

    def see(i):
        others = [n for layers in ranges if i not in layers for n in layers]
        held.append(any(net.layers[n].work.buffers for n in others))

    net.after_backward.append(see)
    rows_of(net, samples(net))
    assert held
    assert not any(held)
    assert not any(blob.values.memory.held for blob in net.blobs.values() if blob.name != 'data')


@pytest.mark.usefixtures('frugal')
def test_cuts_leave_alone_what_a_layer_overwrites():
    net = build(DROPPING, phase=TRAIN)
    starts = {net.layers[layers.start].name for layers in ranges_of(net)}
    assert not starts & {'relu_c1', 'd1'}


@pytest.mark.usefixtures('frugal')
def test_layers_that_share_weights_stay_together():
    one = fc('f1', 'data', 6, fields=shared('w', 'b'))
    other = fc('f2', 'r1', 6, fields=shared('w', 'b'))
    net = build(data('40 6') + one + layer('ReLU', 'r1', 'f1') + other + fc('f3', 'f2', 2))
    segment = {net.layers[i].name: layers for layers in ranges_of(net) for i in layers}
    assert segment['f1'] is segment['r1'] is segment['f2'] is not segment['f3']


def test_small_nets_are_one_segment():
    net = build('chain')
    assert ranges_of(net) == [range(len(net.layers))]
