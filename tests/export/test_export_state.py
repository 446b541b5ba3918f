"""Weights as PyTorch names and shapes them: out, and back home."""

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.errors import NetError
from goodinit.netlib.weights.arrays import read_arrays
from goodinit.netlib.weights.names import identifier, identifiers
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST

from goodinit import export

INPUT = """
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 2 dim: 3 dim: 6 dim: 6 } } }"""
NORMED = f"""name: "Normed" {INPUT}
layer {{ name: "block/conv" type: "Convolution" bottom: "data" top: "x"
  convolution_param {{ num_output: 4 kernel_size: 3 }} }}
layer {{ name: "bn" type: "BatchNorm" bottom: "x" top: "x" }}
layer {{ name: "scale" type: "Scale" bottom: "x" top: "x" scale_param {{ bias_term: true }} }}
layer {{ name: "prelu" type: "PReLU" bottom: "x" top: "x" prelu_param {{ channel_shared: true }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "x" top: "y"
  inner_product_param {{ num_output: 5 transpose: true }} }}
"""


@pytest.fixture
def net():
    return filled(Net(parse_net(NORMED), TEST))


def filled(net):
    """The net with numbers in its weights, BatchNorm's statistics times a factor of 4."""
    rng = np.random.default_rng(0)
    for layer in net.layers:
        for param in layer.params:
            param.data = rng.uniform(0.5, 1.5, param.shape)
        if layer.type == 'BatchNorm':
            layer.params[2].data = 4
    return net


def outputs(net):
    rng = np.random.default_rng(1)
    net.blobs['data'].data = rng.standard_normal(net.blobs['data'].shape)
    net.forward()
    return {name: net.blobs[name].data.copy() for name in net.outputs}


def test_names_and_shapes(net):
    shapes = {key: values.shape for key, values in net.state_dict().items()}
    assert shapes == {
        'block_conv.weight': (4, 3, 3, 3),
        'block_conv.bias': (4,),
        'bn.running_mean': (4,),
        'bn.running_var': (4,),
        'bn.weight': (4,),
        'bn.bias': (4,),
        'prelu.weight': (1,),
        'ip.weight': (5, 64),
        'ip.bias': (5,),
    }


def test_the_factor_of_batch_norm_is_folded_in(net):
    mean = net.params['bn'][0].data.copy()
    np.testing.assert_allclose(net.state_dict()['bn.running_mean'], mean / 4, rtol=1e-6)


def test_statistics_that_were_never_gathered_are_zero(net):
    net.params['bn'][2].data = 0
    assert not net.state_dict()['bn.running_var'].any()


def test_weights_come_back_to_the_same_outputs(net):
    weights = {key: values.copy() for key, values in net.state_dict().items()}
    other = Net(parse_net(NORMED), TEST)
    assert other.load_state_dict(weights) == []
    for name, values in outputs(net).items():
        np.testing.assert_allclose(outputs(other)[name], values, rtol=1e-5, atol=1e-5)


def test_weights_are_views_where_that_is_possible(net):
    net.state_dict()['block_conv.bias'][:] = 7
    assert (net.params['block/conv'][1].data == 7).all()


def test_names_of_layers_do_as_well(net):
    weights = {}
    for key, values in net.state_dict().items():
        weights[key.replace('block_conv', 'block/conv')] = values.copy()
    assert net.load_state_dict(weights) == []


def test_what_does_not_fit_is_said_at_once(net):
    weights = {key: values.copy() for key, values in net.state_dict().items()}
    before = outputs(net)
    del weights['ip.bias']
    weights['bn.weight'] = np.zeros(3)
    with pytest.raises(NetError) as error:
        net.load_state_dict(weights)
    assert "'ip.bias' is missing" in str(error.value)
    assert "'bn.weight' has shape (3,); the net needs (4,)" in str(error.value)
    np.testing.assert_array_equal(outputs(net)['y'], before['y'])


def test_what_is_too_much_is_returned(net):
    weights = {**net.state_dict(), 'other.weight': np.zeros(1)}
    weights['bn.num_batches_tracked'] = np.zeros(())
    assert net.load_state_dict(weights) == ['other.weight']


def test_part_of_the_weights_is_taken_where_that_is_asked_for(net):
    assert net.load_state_dict({'ip.bias': np.full(5, 3.0)}, strict=False) == []
    assert (net.params['ip'][1].data == 3).all()


def test_many_missing_weights_are_counted():
    layers = ''.join(
        f'layer {{ name: "ip{i}" type: "InnerProduct" bottom: "data" top: "y{i}" '
        f'inner_product_param {{ num_output: 1 }} }}'
        for i in range(6)
    )
    with pytest.raises(NetError, match='and 4 more'):
        Net(parse_net(INPUT + layers), TEST).load_state_dict({})


def test_shared_weights_are_written_at_both_places_and_read_from_one():
    shared = ''.join(
        f'layer {{ name: "ip{i}" type: "InnerProduct" bottom: "data" top: "y{i}" '
        f'inner_product_param {{ num_output: 2 bias_term: false }} param {{ name: "w" }} }}'
        for i in range(2)
    )
    net = filled(Net(parse_net(INPUT + shared), TEST))
    weights = {key: values.copy() for key, values in net.state_dict().items()}
    assert weights.keys() == {'ip0.weight', 'ip1.weight'}
    del weights['ip1.weight']
    assert net.load_state_dict(weights) == []


# -- names


@pytest.mark.parametrize(
    'name, expected',
    [
        ('conv1', 'conv1'),
        ('inception_3a/1x1', 'inception_3a_1x1'),
        ('1x1', 'n1x1'),
        ('', 'n'),
        ('class', 'class_'),
        ('forward', 'forward_'),
        ('torch', 'torch_'),
        ('größe', 'gr__e'),
    ],
)
def test_identifiers_are_python(name, expected):
    assert identifier(name) == expected
    assert expected.isidentifier()


def test_names_that_give_the_same_identifier_are_told_apart():
    assert identifiers(['a/b', 'a_b', 'a.b', 'a/b']) == {
        'a/b': 'a_b',
        'a_b': 'a_b_2',
        'a.b': 'a_b_3',
    }


def test_no_identifier_is_a_name_of_torch_modules():
    nn = pytest.importorskip('torch.nn', reason='needs PyTorch: pip install torch')
    for name in dir(nn.Module()):
        if not name.startswith('_'):
            assert identifier(name) != name, name


# -- files


@pytest.mark.parametrize('suffix', ['safetensors', 'npz'])
def test_files_of_weights_go_round(net, suffix, tmp_path):
    path = tmp_path / f'x.{suffix}'
    report = export.write(net, path)
    assert report.files == [str(path)]
    assert report.runner == 'reading it again'
    assert [difference.share for difference in report.differences] == [0.0] * 9
    found = read_arrays(path)
    for key, values in net.state_dict().items():
        np.testing.assert_array_equal(found[key], values, err_msg=key)


def test_safetensors_are_read_by_their_own_package(net, tmp_path):
    safetensors = pytest.importorskip('safetensors', reason="pip install 'goodinit[export]'")
    export.write(net, tmp_path / 'x.safetensors', export.Options(source='a test'))
    with safetensors.safe_open(tmp_path / 'x.safetensors', 'np') as file:
        assert set(file.keys()) == net.state_dict().keys()
        assert file.metadata()['source'] == 'a test'
        assert file.get_tensor('ip.weight').shape == (5, 64)


@pytest.mark.parametrize('suffix', ['safetensors', 'npz'])
def test_damaged_files_are_said(suffix, tmp_path):
    path = tmp_path / f'x.{suffix}'
    path.write_bytes(b'no such thing')
    with pytest.raises(NetError, match='or damaged'):
        read_arrays(path)
