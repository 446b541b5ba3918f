"""Weights in and out of a net: caffemodels of ours, of Caffe, and of its older formats."""

import golden
import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.errors import NetError
from goodinit.proto import parse_net, read_weights
from goodinit.proto.caffe_pb2 import TEST

NET = """layer { name: "data" type: "Input" top: "x" input_param { shape { dim: 2 dim: 4 } } }
layer { name: "ip1" type: "InnerProduct" bottom: "x" top: "h"
  inner_product_param { num_output: 4 } }
layer { name: "relu" type: "ReLU" bottom: "h" top: "h" }
layer { name: "ip2" type: "InnerProduct" bottom: "h" top: "y"
  inner_product_param { num_output: 3 } }"""


def make(text=NET, seed=1):
    """A net with random parameters."""
    net = Net(parse_net(text, 'net.prototxt'), TEST)
    rng = np.random.default_rng(seed)
    for param in net.all_params():
        param.data = rng.standard_normal(param.shape)
    return net


def test_weights_go_to_a_file_and_back(tmp_path):
    net, other = make(), make(seed=2)
    net.save(tmp_path / 'w.caffemodel')
    assert other.copy_from(tmp_path / 'w.caffemodel') == []
    loaded = Net(parse_net(NET), TEST, load=tmp_path / 'w.caffemodel')
    for ours in (other, loaded):
        for p, q in zip(net.all_params(), ours.all_params(), strict=True):
            np.testing.assert_array_equal(p.data, q.data)


def test_saved_layers_are_the_nets_without_origin(tmp_path):
    net = make()
    assert net.param.layer[1].origin == 'net.prototxt:2'
    net.save(tmp_path / 'w.caffemodel')
    for saved in (net.to_proto(), read_weights(tmp_path / 'w.caffemodel')):
        assert [layer.name for layer in saved.layer] == net.layer_names
        assert not any(layer.HasField('origin') for layer in saved.layer)
        assert [len(layer.blobs) for layer in saved.layer] == [0, 2, 0, 2]
        assert not any(blob.diff for layer in saved.layer for blob in layer.blobs)
    net.params['ip1'][0].diff = 2
    assert list(net.to_proto(diffs=True).layer[1].blobs[0].diff) == [2] * 16


def test_layers_are_matched_by_name():
    source = make(NET.replace('"ip2"', '"other"')).to_proto()
    net = make(seed=2)
    kept = net.params['ip2'][0].data.copy()
    assert net.copy_from(source) == ['other']
    assert np.array_equal(
        net.params['ip1'][0].data.ravel(), np.float32(source.layer[1].blobs[0].data)
    )
    assert np.array_equal(net.params['ip2'][0].data, kept)


@pytest.mark.parametrize(
    'field, message',
    [
        (
            'num_output: 5',
            r"Cannot copy param 0 weights from layer 'ip1'; "
            r'shape mismatch.  Source param shape is 5 4 \(20\); target param '
            r'shape is 4 4 \(16\). '
            r"To learn this layer's parameters from scratch .* rename the layer",
        ),
        (
            'num_output: 4 bias_term: false',
            'Incompatible number of blobs for layer ip1: the file has 1, the net 2',
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused(field, message):
    with pytest.raises(NetError, match=message):
        make().copy_from(make(NET.replace('num_output: 4', field)).to_proto())


LEGACY = golden.find('io/legacy_*.npz')


@pytest.mark.parametrize('name', LEGACY)
def test_old_weight_files(name):
    """V0, V1, four-axis shapes, doubles: layers that are not in the file stay zero."""
    with np.load(LEGACY[name]) as recorded:
        net = Net(
            parse_net(str(recorded['prototxt'])), TEST, load=LEGACY[name].with_suffix('.caffemodel')
        )
        for key, layer, i in golden.split_keys(recorded, 'param/'):
            np.testing.assert_array_equal(net.params[layer][i].data, recorded[key], err_msg=key)


def test_a_recorded_model():
    """A caffemodel that Caffe wrote, with its Split and Input layers, and what its net made of one
    input."""
    path = golden.find('io/model.npz')['io/model']
    with np.load(path) as recorded:
        net = Net(parse_net(str(recorded['prototxt'])), TEST, load=path.with_suffix('.caffemodel'))
        for key, layer, i in golden.split_keys(recorded, 'param/'):
            np.testing.assert_array_equal(net.params[layer][i].data, recorded[key], err_msg=key)
        for key, ours, expected in golden.forward(net, recorded, ''):
            golden.assert_close(key, ours, expected, 5e-5, 1e-6)
    written = read_weights(path.with_suffix('.caffemodel'))
    assert [layer.name for layer in net.to_proto().layer] == [layer.name for layer in written.layer]
