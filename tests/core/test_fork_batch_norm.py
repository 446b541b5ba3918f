"""The BatchNorm of NVIDIA's and Intel's forks, in texts and weights."""

import numpy as np
import pytest
from goodinit.feeding.weights_file import take_weights
from goodinit.netlib import Net
from goodinit.netlib.errors import LayerError, NetError
from goodinit.proto import (
    ProtoError,
    array_to_blob,
    format_text,
    parse_net,
    parse_text,
    read_weights,
)
from goodinit.proto import caffe_pb2 as pb
from goodinit.tools import upgrade_net_proto_text
from raw_blobs import DTYPES, caffemodel, raw

import goodinit

DATA = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: [4, 3, 2, 2] } } }\n'
NORM = """layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" %s
  batch_norm_param { %s } }
"""
SCALE = 'layer { name: "s" type: "Scale" bottom: "y" top: "%s" scale_param { bias_term: true } }\n'
RELU = 'layer { name: "relu" type: "ReLU" bottom: "y" top: "z" }\n'
NVIDIAS = 'scale_bias: true'


def text(fields, param='', above=RELU):
    return DATA + NORM % (param, fields) + above


def types(net):
    return [layer.type for layer in net.layer]


# -- the text


def test_nvidias_scale_and_bias_are_those_of_a_new_layer():
    fields = (
        'eps: 1e-9 scale_bias: true scale_filler { value: 2 } bias_filler { type: "uniform" } '
        'use_global_stats: false engine: CUDNN'
    )
    param = (
        'include { phase: TEST } param { lr_mult: 1 } param { lr_mult: 1 } param { lr_mult: 1 } '
        'param { name: "a" lr_mult: 2 } param { decay_mult: 0 }'
    )
    expected = """
        layer { name: "bn" type: "BatchNorm" bottom: "x" top: "y" include { phase: TEST }
          param { lr_mult: 0 decay_mult: 0 } param { lr_mult: 0 decay_mult: 0 }
          param { lr_mult: 0 decay_mult: 0 } batch_norm_param { eps: 1e-5 } }
        layer { name: "bn_scale_bias" type: "Scale" bottom: "y" top: "y" include { phase: TEST }
          param { name: "a" lr_mult: 1 decay_mult: 1 } param { lr_mult: 1 decay_mult: 1 }
          scale_param { bias_term: true filler { value: 2 } bias_filler { type: "uniform" } } }
        """
    net = parse_net(text(fields, param))
    assert format_text(net) == format_text(parse_net(DATA + expected + RELU))
    assert net.layer[1].origin == net.layer[2].origin == '<string>:2'


@pytest.mark.parametrize(
    ('fields', 'expected'),
    [
        ('', ['BatchNorm']),
        ('scale_bias: false engine: CAFFE', ['BatchNorm']),
        ('scale_bias: true', ['BatchNorm', 'Scale']),
        ('scale_filler { value: 1 }', ['BatchNorm', 'Scale']),
        ('bias_filler { value: 1 }', ['BatchNorm', 'Scale']),
        ('filler { value: 1 } engine: MKL2017', ['BatchNorm', 'Scale']),
    ],
)
def test_fields_that_mean_a_scale(fields, expected):
    net = parse_net(text(fields))
    assert types(net) == ['Input', *expected, 'ReLU']
    assert 'engine' not in format_text(net)


def test_intels_fillers_are_those_of_the_scale_after_it():
    for top in ('y', 'z'):
        net = parse_net(text('filler { value: 0 } bias_filler { value: 3 }', above=SCALE % top))
        assert types(net) == ['Input', 'BatchNorm', 'Scale']
        p = net.layer[2].scale_param
        assert (p.HasField('filler'), p.filler.value, p.bias_filler.value) == (True, 0, 3)
        assert not net.layer[1].batch_norm_param.ListFields()


@pytest.mark.parametrize('above', [SCALE % 'z' + RELU, RELU + SCALE % 'w', SCALE % 'y' * 2])
def test_a_scale_that_is_not_the_only_one_to_read_it_is_another(above):
    net = parse_net(text('filler { value: 0 }', above=above))
    new = types(net).count('Scale') - above.count('"Scale"')
    assert new == (0 if above == SCALE % 'y' * 2 else 1)


def test_nvidias_has_its_own_beside_a_scale():
    net = parse_net(text(NVIDIAS, above=SCALE % 'y'))
    assert [layer.name for layer in net.layer] == ['x', 'bn', 'bn_scale_bias', 's']


def test_a_message_that_was_not_read_is_refused():
    with pytest.raises(LayerError, match='scale_bias: parse_net reads it, and adds a Scale layer'):
        Net(parse_text(text(NVIDIAS), pb.NetParameter()), pb.TEST)


def test_intels_libraries_are_no_choice_here():
    pool = 'layer { name: "p" type: "Pooling" bottom: "x" top: "p" pooling_param { %s } %s }'
    found = parse_net(
        'engine: "MKLDNN"'
        + DATA
        + pool % ('kernel_size: 2 engine: MKL2017', 'engine: "MKLDNN:DLA"')
    )
    assert format_text(found) == format_text(parse_net(DATA + pool % ('kernel_size: 2', '')))


def test_the_upgraded_text_is_bvlcs(tmp_path):
    path, out = tmp_path / 'old.prototxt', tmp_path / 'new.prototxt'
    path.write_text(text(NVIDIAS))
    assert upgrade_net_proto_text.main([str(path), str(out)]) == 0
    assert format_text(parse_net(text(NVIDIAS))) == out.read_text()


# -- the weights

RNG = np.random.default_rng(1)
X = RNG.normal(size=(4, 3, 2, 2))
MEAN, VARIANCE, SLOPE, BIAS = RNG.uniform(0.5, 2, (4, 3)).astype('<f2').astype('<f4')
BLOBS = [MEAN, VARIANCE, np.ones(1, 'f4'), SLOPE, BIAS]


def expected():
    parts = [part.reshape(1, 3, 1, 1) for part in (MEAN, VARIANCE, SLOPE, BIAS)]
    mean, variance, slope, bias = parts
    return np.maximum(slope * (X - mean) / np.sqrt(variance + 1e-5) + bias, 0)


@pytest.mark.parametrize('type', DTYPES)
@pytest.mark.parametrize(
    ('fields', 'above'), [(NVIDIAS, RELU), ('', SCALE % 'y' + RELU), ('', SCALE % 'w')]
)
def test_weights_of_the_forks(tmp_path, type, fields, above, engine):
    weights = caffemodel(tmp_path, [raw(blob, type) for blob in BLOBS])
    net = Net(parse_net(text(fields, above=above)), pb.TEST, engine=engine)
    assert net.copy_from(weights) == []
    net.blobs['x'].data = X
    net.forward()
    found = np.maximum(net.blobs[net.outputs[0]].data, 0)
    np.testing.assert_allclose(found, expected(), rtol=1e-5, atol=1e-6)


OLD = [SLOPE, BIAS, MEAN, VARIANCE, np.zeros(1)]  # 0.15
OLDEST = [SLOPE, BIAS, np.zeros(1), MEAN, VARIANCE]  # 0.14, by cuDNN


@pytest.mark.parametrize(
    ('blobs', 'axes'), [(OLD, 1), (OLD, 4), (OLDEST, 4), ([*BLOBS[:2], np.zeros(1), *BLOBS[3:]], 1)]
)
def test_weights_of_nvidias_versions(tmp_path, blobs, axes):
    """None uses the factor, which some leave 0."""
    shaped = [blob.reshape(1, -1, 1, 1) if axes == 4 else blob for blob in blobs]
    weights = caffemodel(tmp_path, [array_to_blob(blob) for blob in shaped])
    net = Net(parse_net(text(NVIDIAS)), pb.TEST, load=weights)
    net.blobs['x'].data = X
    net.forward()
    np.testing.assert_allclose(net.blobs['z'].data, expected(), rtol=1e-5, atol=1e-6)


def test_a_factor_of_0_stays_without_statistics(tmp_path):
    blobs = [np.zeros(3), np.zeros(3), np.zeros(1), SLOPE, BIAS]
    weights = caffemodel(tmp_path, [array_to_blob(blob) for blob in blobs])
    net = Net(parse_net(text(NVIDIAS)), pb.TEST, load=weights)
    assert net.params['bn'][2].data == 0


def test_damaged_blobs_are_told_with_their_file(tmp_path):
    blobs = [raw(blob, pb.FLOAT) for blob in (MEAN, VARIANCE, np.zeros(1), SLOPE, BIAS)]
    blobs[0].shape.dim[0] = 4
    weights = caffemodel(tmp_path, blobs)
    message = r"x\.caffemodel: layer 'bn': blob of shape 4 needs 4 values, but has 3"
    with pytest.raises(ProtoError, match=message):
        Net(parse_net(text(NVIDIAS)), pb.TEST, load=weights)


def test_a_damaged_blob_is_told_with_its_file_and_layer(tmp_path):
    blobs = [raw(blob, pb.FLOAT) for blob in BLOBS]
    blobs[3].raw_data_type = pb.INT
    weights = caffemodel(tmp_path, blobs)
    message = r"x\.caffemodel: layer 'bn_scale_bias', param 0: raw_data_type: found INT"
    for make in (Net, goodinit.Net):
        with pytest.raises(NetError, match=message):
            make(parse_net(text(NVIDIAS)), pb.TEST, load=weights)
    with pytest.raises(NetError, match=message):
        take_weights(Net(parse_net(text(NVIDIAS)), pb.TEST), str(weights))


@pytest.mark.parametrize('extents', [[2**62, 4], [-1, -3], [1, 2, 2, 1], []])
def test_odd_shapes_are_refused(tmp_path, extents):
    blobs = [array_to_blob(blob) for blob in BLOBS]
    blobs[3].shape.dim[:] = extents
    weights = caffemodel(tmp_path, blobs)
    with pytest.raises(NetError, match='shape mismatch'):
        Net(parse_net(text(NVIDIAS)), pb.TEST, load=weights)


@pytest.mark.parametrize('as_message', [False, True])
def test_loaded_scales_are_not_filled_again(tmp_path, as_message):
    weights = caffemodel(tmp_path, [raw(blob, pb.FLOAT16) for blob in BLOBS])
    load = read_weights(weights) if as_message else weights
    net = goodinit.Net(parse_net(text(NVIDIAS)), 'test', load=load)
    np.testing.assert_array_equal(net.params['bn_scale_bias'][0].data, SLOPE)


def test_nothing_is_said_to_lack(tmp_path):
    weights = caffemodel(tmp_path, [raw(blob, pb.FLOAT16) for blob in BLOBS])
    assert take_weights(Net(parse_net(text(NVIDIAS)), pb.TEST), str(weights)) == []


def test_weights_are_saved_as_bvlcs(tmp_path):
    net = Net(parse_net(text(NVIDIAS)), pb.TEST)
    net.copy_from(caffemodel(tmp_path, [raw(blob, pb.FLOAT16) for blob in BLOBS]))
    net.save(tmp_path / 'y.caffemodel')
    saved = read_weights(tmp_path / 'y.caffemodel')
    assert [len(layer.blobs) for layer in saved.layer] == [0, 3, 2, 0]
    other = Net(parse_net(text(NVIDIAS)), pb.TEST, load=tmp_path / 'y.caffemodel')
    np.testing.assert_array_equal(other.params['bn_scale_bias'][0].data, SLOPE)


def test_weights_from_hdf5(tmp_path):
    h5py = pytest.importorskip('h5py')
    with h5py.File(tmp_path / 'x.caffemodel.h5', 'w') as file:
        for i, blob in enumerate(BLOBS):
            file[f'data/bn/{i}'] = blob
    net = Net(parse_net(text(NVIDIAS)), pb.TEST, load=tmp_path / 'x.caffemodel.h5')
    np.testing.assert_array_equal(net.params['bn_scale_bias'][1].data, BIAS)


def test_five_blobs_without_a_scale_are_refused(tmp_path):
    weights = caffemodel(tmp_path, [array_to_blob(blob) for blob in BLOBS])
    message = 'the file has 5, the net 3. A BatchNorm of NVIDIA.* scale_bias: true'
    with pytest.raises(NetError, match=message):
        Net(parse_net(text('')), pb.TEST, load=weights)


def test_training_learns_them():
    net = Net(parse_net('force_backward: true ' + text(NVIDIAS)), pb.TRAIN)
    net.params['bn_scale_bias'][0].data = 1
    net.blobs['x'].data = X
    net.forward()
    net.blobs['z'].diff = 1
    net.backward()
    assert [bool(param.diff.any()) for param in net.params['bn_scale_bias']] == [True, True]
