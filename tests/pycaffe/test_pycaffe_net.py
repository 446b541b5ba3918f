"""caffe.Net: what it shows of a net, and that it computes what BVLC Caffe computed."""

import golden
import numpy as np
import pytest
from goodinit.netlib.errors import GoodinitError, NetError
from goodinit.proto.caffe_pb2 import NetParameter
from pycaffe_nets import DATA, IP, LINEAR, net, normal, written

from goodinit import caffe

CASES = golden.find('nets/*.npz')


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# -- numbers


@pytest.mark.parametrize('name', CASES)
def test_computes_what_caffe_computed(name):
    """Blobs by name, forward(**inputs), backward(**diffs of what is no loss), parameters and their
    diffs."""
    with np.load(CASES[name]) as case:
        net = caffe.Net(written(str(case['prototxt'])), getattr(caffe, str(case['phase'])))
        for key, layer, i in golden.split_keys(case, 'param/'):
            net.params[layer][i].data[...] = case[key]
        net.clear_param_diffs()
        outs = net.forward(
            **{blob: case[key] for blob, key in golden.keys(case, 'bottom/').items()}
        )
        assert list(outs) == net.outputs and set(golden.keys(case, 'top/')) <= set(outs)
        for blob, key in [*golden.keys(case, 'top/').items(), *golden.keys(case, 'blob/').items()]:
            golden.assert_close(key, golden.blob(net.net, blob).data, case[key], 1e-5, 1e-6)
        for blob, key in golden.keys(case, 'top_diff/').items():
            net.blobs[blob].diff[...] = case[key]
        diffs = net.backward()
        for blob, key in golden.keys(case, 'bottom_diff/').items():
            golden.assert_close(key, diffs[blob], case[key], 1e-4, 1e-5)
        for key, layer, i in golden.split_keys(case, 'param_diff/'):
            golden.assert_close(key, net.params[layer][i].diff, case[key], 1e-4, 1e-5)


def test_parameters_are_filled_when_a_net_is_built():
    caffe.set_random_seed(1)
    first, second = net(), net()
    caffe.set_random_seed(1)
    again = net()
    weights = [n.params['ip'][0].data for n in (first, second, again)]
    np.testing.assert_array_equal(weights[0], weights[2])
    assert (weights[0] != weights[1]).all()
    assert (first.params['ip'][1].data == 3).all()


def test_dropout_draws_from_the_seed():
    text = f'{DATA} layer {{ name: "drop" type: "Dropout" bottom: "data" top: "drop" }}'
    draws = []
    for seed in (1, 1, 2):
        caffe.set_random_seed(seed)
        draws.append(net(text, caffe.TRAIN).forward(data=np.ones((4, 3)))['drop'].copy())
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()


# -- building


def test_every_form_of_the_constructor():
    file = written(LINEAR)
    old = caffe.Net(file, caffe.TEST)
    old.save('weights')
    for new in (
        caffe.Net(file, 'weights', caffe.TEST),
        caffe.Net(file, caffe.TEST, weights='weights'),
        caffe.Net(network_file=file, phase=caffe.TEST, level=0, stages=None, weights='weights'),
    ):
        np.testing.assert_array_equal(new.params['ip'][0].data, old.params['ip'][0].data)
        assert new.net.phase == caffe.TEST


def test_level_and_stages():
    file = written(
        DATA
        + IP
        + IP.replace('"ip"', '"level"').replace('"out"', '"o1" include { min_level: 1 }')
        + IP.replace('"ip"', '"stage"').replace('"out"', '"o2" include { stage: "a" stage: "b" }')
    )
    for options, names in (
        ({}, ['ip']),
        ({'level': 1}, ['ip', 'level']),
        ({'stages': ['b', 'a']}, ['ip', 'stage']),
    ):
        assert list(caffe.Net(file, caffe.TRAIN, **options).params) == names


@pytest.mark.parametrize(
    'arguments', [('no.prototxt', caffe.TEST), ('net.prototxt', 'no.prototxt', caffe.TEST)]
)
def test_a_missing_file(arguments):
    written(LINEAR)
    with pytest.raises(RuntimeError, match=r'^Could not open file no\.prototxt$'):
        caffe.Net(*arguments)


def test_mistakes_in_a_net_are_exceptions():
    with pytest.raises(GoodinitError, match='Unknown layer type: Relu'):
        net('layer { name: "r" type: "Relu" }')


# -- looking around


def test_names_ids_and_splits():
    """The names of splits are those of BVLC Caffe."""
    second = IP.replace('"ip"', '"ip2"').replace('"out"', '"out2"')
    n = net(DATA + IP + second)
    split = [f'data_data_0_split_{k}' for k in (0, 1)]
    assert n._layer_names == list(n.layer_dict) == ['data', 'data_data_0_split', 'ip', 'ip2']
    assert n._blob_names == list(n.blobs) == ['data', *split, 'out', 'out2']
    assert dict(n.top_names) == {
        'data': ['data'],
        'data_data_0_split': split,
        'ip': ['out'],
        'ip2': ['out2'],
    }
    assert dict(n.bottom_names) == {
        'data': [],
        'data_data_0_split': ['data'],
        'ip': split[:1],
        'ip2': split[1:],
    }
    assert (n._bottom_ids(3), n._top_ids(1), n._inputs, n._outputs) == ([2], [1, 2], [0], [3, 4])
    assert (n.inputs, n.outputs) == (['data'], ['out', 'out2'])
    assert [layer.type for layer in n.layers] == ['Input', 'Split', 'InnerProduct', 'InnerProduct']
    assert n.layers[2].blobs[0].data is not None and list(
        map(len, (n.layers[0].blobs, n.layers[3].blobs))
    ) == [0, 2]
    assert n.layers[2] is n.layer_dict['ip'] and n._blobs[3] is n.blobs['out']


def test_loss_weights():
    n = net(
        DATA
        + DATA.replace('"data"', '"label"')
        + """
      layer { name: "loss" type: "EuclideanLoss" bottom: "data" bottom: "label" top: "loss"
              loss_weight: 0.5 }"""
    )
    assert dict(n.blob_loss_weights) == {'data': 0, 'label': 0, 'loss': 0.5}
    assert n._blob_loss_weights == [0, 0, 0.5]
    assert n._forward(0, 2) == n.net.forward()


def test_dicts_answer_to_python_2():
    n = net()
    assert list(n.blobs.iteritems()) == list(n.blobs.items())
    assert list(n.params.itervalues()) == list(n.params.values()) and list(n.params.iterkeys()) == [
        'ip'
    ]


def test_blobs_are_views_that_live_on():
    n = net()
    blob, data = n.blobs['data'], n.blobs['data'].data
    assert (blob.num, blob.channels, blob.height, blob.width, blob.count) == (4, 3, 1, 1, 12)
    data[...] = normal(4, 3)
    out = n.forward()['out']
    np.testing.assert_allclose(out, data @ n.params['ip'][0].data.T + 3, rtol=1e-5)
    data[...] = 0
    n.forward()
    assert (out == 3).all()
    with pytest.raises(AttributeError):
        blob.data = data
    del n
    assert (blob.data == 0).all()
    blob.reshape(2, 5)
    assert tuple(blob.shape) == (2, 5)


# -- weights


def test_weights_are_kept_in_files():
    """A caffemodel whatever its name, or HDF5 whatever its name."""
    n = net()
    n.save('weights.h5')
    n.save_hdf5('weights.any')
    with open('weights.h5', 'rb') as file:
        saved = NetParameter.FromString(file.read())
    np.testing.assert_array_equal(saved.layer[1].blobs[0].data, n.params['ip'][0].data.ravel())
    other = net()
    other.load_hdf5('weights.any')
    np.testing.assert_array_equal(other.params['ip'][0].data, n.params['ip'][0].data)
    n.save('weights.caffemodel')
    other = net()
    other.copy_from('weights.caffemodel')
    np.testing.assert_array_equal(other.params['ip'][0].data, n.params['ip'][0].data)


def test_nets_share_weights():
    n, other = net(), net()
    other.share_with(n)
    n.params['ip'][0].data[0, 0] = 77
    assert other.params['ip'][0].data[0, 0] == 77
    wide = net(LINEAR.replace('num_output: 2', 'num_output: 5'))
    with pytest.raises(
        NetError, match="Cannot share param weights from layer 'ip'; shape mismatch"
    ):
        wide.share_with(n)


def test_net_surgery():
    """A fully connected layer's weights poured into a convolution, as BVLC's notebook does it."""
    n = net()
    text = (
        DATA.replace('dim: 3', 'dim: 3 dim: 1 dim: 2')
        + """
      layer { name: "conv" type: "Convolution" bottom: "data" top: "out"
              convolution_param { num_output: 2 kernel_size: 1 } }"""
    )
    conv = net(text)
    conv.params['conv'][0].data.flat = n.params['ip'][0].data.flat
    conv.params['conv'][1].data[...] = n.params['ip'][1].data
    data = normal(4, 3)
    wide = np.stack([data, 2 * data], axis=-1)[:, :, None]
    outs = conv.forward_all(data=wide)['out']
    np.testing.assert_allclose(outs[:, :, 0, 0], n.forward(data=data)['out'], rtol=1e-5)
