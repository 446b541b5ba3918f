"""goodinit.Net: filled as Caffe's is, by path or name, and shown as a table."""

import numpy as np
import pytest
from goodinit.netlib.errors import NetError
from goodinit.proto import parse_net, read_weights
from goodinit.proto.caffe_pb2 import TEST
from toolkit import BODY, DEPLOY, IMAGES, initialized, written

import goodinit
from goodinit import netlib


@pytest.fixture
def net():
    return goodinit.Net(parse_net(DEPLOY), seed=0)


def weights(net):
    return [param.data.copy() for param in net.all_params()]


def assert_equal(some, others):
    for one, other in zip(some, others, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_net_is_filled(tmp_path):
    proto = written(tmp_path)
    net = goodinit.Net(proto, seed=1)
    assert net.params['conv'][0].data.std() == pytest.approx(0.3, rel=0.2)
    assert (net.params['conv'][1].data == np.float32(0.1)).all()
    assert_equal(weights(net), weights(goodinit.open_net(proto, seed=1)))
    assert (weights(goodinit.Net(proto))[0] != weights(goodinit.Net(proto))[0]).any()
    assert isinstance(goodinit.open_net(proto), goodinit.Net)
    assert not any(values.any() for values in weights(netlib.Net(proto)))


def test_only_what_a_file_lacks_is_filled(tmp_path, monkeypatch):
    saved = initialized(tmp_path)
    theirs = weights(goodinit.open_net(tmp_path / 'net.prototxt', weights=saved))
    filled = []
    monkeypatch.setattr(
        'goodinit.initializers.from_shape.filler.fill_array',
        lambda shape, param, rng: filled.append(shape) or np.ones(shape, np.float32),
    )
    net = goodinit.Net(tmp_path / 'net.prototxt', 'test', load=saved)
    assert filled == [] and net.phase == TEST
    assert_equal(weights(net), theirs)
    renamed = written(tmp_path, DEPLOY.replace('name: "ip"', 'name: "fc"'), 'other.prototxt')
    goodinit.Net(renamed, load=read_weights(saved))
    assert filled == [(5, 144), (5,)]


def test_bundled_names():
    net = goodinit.Net('lenet', seed=0)
    assert net.name == 'LeNet' and net.inputs == ['data', 'label'] and weights(net)[0].any()
    assert goodinit.Net('lenet/deploy').blobs['data'].shape[1:] == (1, 28, 28)
    assert 'accuracy' in goodinit.Net('lenet', 'test').layer_names


# -- what is shown


def test_nets_show_as_a_table(net):
    assert repr(net).splitlines() == [
        "Net 'Small' in TRAIN: 6 layers, 837 parameters",
        'layer  type          top            parameters',
        'data   Input         2 x 3 x 8 x 8',
        'conv   Convolution   2 x 4 x 6 x 6         112',
        'relu   ReLU          2 x 4 x 6 x 6',
        'drop   Dropout       2 x 4 x 6 x 6',
        'ip     InnerProduct  2 x 5                 725',
        'prob   Softmax       2 x 5',
    ]
    assert '<td>InnerProduct</td>' in net._repr_html_()


def test_names_are_escaped_in_notebooks():
    net = goodinit.Net(parse_net(DEPLOY.replace('name: "conv"', 'name: "<b>"')))
    assert '<b>' not in net._repr_html_() and '&lt;b&gt;' in net._repr_html_()


# -- what is wrong


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: goodinit.Net(3), 'net: found int, needed: the path of a prototxt, the name of a'),
        (
            lambda: goodinit.Net('lenett'),
            "neither a file nor a bundled model; did you mean 'lenet'",
        ),
        (lambda: goodinit.Net('no.prototxt'), 'File not found: no.prototxt'),
        (lambda: goodinit.Net('lenet', 'tset'), "phase: unknown 'tset'; did you mean 'test'"),
    ],
)
def test_nets_that_are_none(call, message):
    with pytest.raises(goodinit.GoodinitError, match=message):
        call()


def test_weights_that_do_not_fit(tmp_path):
    saved = initialized(tmp_path)
    wider = parse_net(f'{IMAGES}{BODY}'.replace('num_output: 5', 'num_output: 6'))
    with pytest.raises(NetError, match=f"{saved}: Cannot copy param 0 weights from layer 'ip'"):
        goodinit.Net(wider, load=saved)
