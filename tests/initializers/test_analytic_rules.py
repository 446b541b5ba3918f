"""Mean and variance as each layer type's rule computes them, against samples."""

import numpy as np
import pytest
from goodinit.initializers.analytic.affine import steady_share
from goodinit.initializers.analytic.forecast import Forecast
from goodinit.initializers.analytic.rules import RULES
from goodinit.initializers.analytic.spread import Spread, greatest
from goodinit.initializers.walk import measuring
from goodinit.netlib.registry import LAYERS
from goodinit.proto.caffe_pb2 import TEST
from small_nets import build, conv, data, fc, layer, outputs

MEANS = np.array([0, 0.5, -1, 1])
DEVIATIONS = np.array([1, 0.5, 2, 1])
SHAPE = '100 4 12 12'
PADDED = 'pad: 1 stride: 2'


def function(kind, fields=''):
    return layer(kind, 'y', 'x', fields=fields)


def pair(kind, fields='', shape=SHAPE):
    return data(shape, 'z') + layer(kind, 'y', 'x z', fields=fields)


POOL = 'pooling_param { pool: %s kernel_size: 2 stride: 2 }'
VALUES = 'filler { type: "uniform" min: 0.5 max: 2 }'
CASES = {
    'AbsVal': function('AbsVal'),
    'BNLL': function('BNLL'),
    'Clip': function('Clip', 'clip_param { min: -0.5 max: 1 }'),
    'ELU': function('ELU'),
    'Exp': function('Exp', 'exp_param { base: 2 scale: 0.5 }'),
    'Log': function('Log', 'log_param { shift: 30 }'),
    'Mish': function('Mish'),
    'Power': function('Power', 'power_param { power: 2 scale: 0.5 shift: 1 }'),
    'ReLU': function('ReLU'),
    'ReLU slope': function('ReLU', 'relu_param { negative_slope: 0.3 }'),
    'ReLU6': function('ReLU6'),
    'Sigmoid': function('Sigmoid'),
    'Swish': function('Swish'),
    'TanH': function('TanH'),
    'Threshold': function('Threshold', 'threshold_param { threshold: 0.2 }'),
    'PReLU': function('PReLU', f'prelu_param {{ {VALUES} }}'),
    'Scale': function('Scale', f'scale_param {{ {VALUES} bias_term: true bias_{VALUES} }}'),
    'Scale of two': data('100 4', 'z') + layer('Scale', 'y', 'x z', fields='scale_param {axis: 0}'),
    'Bias': function('Bias', f'bias_param {{ {VALUES} }}'),
    'Eltwise': pair('Eltwise', 'eltwise_param { coeff: 1 coeff: -2 }'),
    'Eltwise PROD': pair('Eltwise', 'eltwise_param { operation: PROD }'),
    'Eltwise MAX': pair('Eltwise', 'eltwise_param { operation: MAX }'),
    'Axpy': data('100 4', 'a') + data(SHAPE, 'z') + layer('Axpy', 'y', 'a x z'),
    'Maxout': function('Maxout', 'maxout_param { num_pieces: 2 }'),
    'Reduction': function('Reduction', 'reduction_param { axis: 1 coeff: 2 }'),
    'Reduction MEAN': function('Reduction', 'reduction_param { operation: MEAN axis: 2 }'),
    'Reduction ASUM': function('Reduction', 'reduction_param { operation: ASUM axis: 1 }'),
    'Reduction SUMSQ': function('Reduction', 'reduction_param { operation: SUMSQ axis: 1 }'),
    'Split': layer('Split', 'y', 'x', 'y y2'),
    'Dropout': function('Dropout'),
    'Flatten': function('Flatten'),
    'Reshape': function('Reshape', 'reshape_param { shape { dim: 0 dim: 2 dim: -1 } }'),
    'Permute': function('Permute', 'permute_param { order: 0 order: 2 order: 1 order: 3 }'),
    'ShuffleChannel': function('ShuffleChannel', 'shuffle_channel_param { group: 2 }'),
    'Tile': function('Tile', 'tile_param { axis: 2 tiles: 2 }'),
    'Crop': data('100 4 5 5', 'z') + layer('Crop', 'y', 'x z', fields='crop_param { axis: 2 }'),
    'Pad': function('Pad', 'pad_param { pad: 2 }'),
    'Concat': pair('Concat', shape='100 3 12 12'),
    'Concat of images': pair('Concat', 'concat_param { axis: 0 }', shape='50 4 12 12'),
    'Slice': layer('Slice', 's', 'x', 'y y2', 'slice_param { slice_point: 1 }'),
    'Slice of images': layer('Slice', 's', 'x', 'y y2', 'slice_param { axis: 0 }'),
    'Pooling MAX': function('Pooling', POOL % 'MAX'),
    'Pooling AVE': function('Pooling', POOL % 'AVE'),
    'BatchNorm': function('BatchNorm'),
    'BN': function('BN', f'bn_param {{ scale_{VALUES} shift_{VALUES} }}'),
    'MVN': function('MVN'),
    'LRN': function('LRN', 'lrn_param { alpha: 0.01 beta: 0.75 k: 2 }'),
    'Normalize': function('Normalize', 'norm_param { across_spatial: true }'),
    'Softmax': data('4000 50', 'z') + layer('Softmax', 'y', 'z'),
    'Convolution': conv('y', 'x', 6),
    'Convolution in groups': conv('y', 'x', 6, more=f'group: 2 {PADDED}'),
    'Deconvolution': layer('BatchNorm', 'n', 'x')
    + conv('y', 'n', 6, more='stride: 2', type='Deconvolution'),
    'InnerProduct': fc('y', 'x', 6),
    'InnerProduct of pixels': layer('BatchNorm', 'n', 'x') + fc('y', 'n', 6, 'axis: 2'),
}


def batch_for(net):
    """Independent normal values: of the means and deviations above for x, standard for others."""
    rng = np.random.default_rng(0)
    batch = {name: rng.standard_normal(net.blobs[name].shape) for name in net.inputs}
    shape = (1, 4, 1, 1)
    batch['x'] = batch['x'] * DEVIATIONS.reshape(shape) + MEANS.reshape(shape)
    return batch


def true_moments(values, channels):
    """By channel, or of all elements if the forecast does not tell channels apart."""
    if channels == 1:
        return values.mean(), values.var()
    axes = tuple(axis for axis in range(values.ndim) if axis != 1)
    return values.mean(axis=axes), values.var(axis=axes)


@pytest.mark.parametrize('name', CASES)
def test_moments_are_those_of_samples(name):
    net = build(data(SHAPE, 'x') + CASES[name], dtype=np.float64)
    batch = batch_for(net)
    with measuring(net):
        found = outputs(net, batch)
    spread = Forecast(net, [batch]).spreads['y']
    values = found['y'] if 'y' in found else net.blobs['y'].data
    mean, var = true_moments(values, spread.size)
    deviation = np.sqrt(var)
    chance = 4 / np.sqrt(values.size / spread.size)  # four standard errors
    np.testing.assert_allclose(spread.mean, mean, atol=(0.03 + chance) * deviation.max())
    np.testing.assert_allclose(np.sqrt(spread.var), deviation, rtol=0.06 + chance)


def test_batch_norm_by_stored_statistics():
    net = build(data(SHAPE, 'x') + CASES['BatchNorm'], phase=TEST, dtype=np.float64)
    for param, value in zip(net.params['y'], (1, 8, 2), strict=True):
        param.data = value
    spread = Forecast(net, [batch_for(net)]).spreads['y']
    np.testing.assert_allclose(spread.mean, (MEANS - 0.5) / 2, atol=0.02)
    np.testing.assert_allclose(spread.var, DEVIATIONS**2 / 4, rtol=0.05)


def test_an_embedding_has_the_moments_of_its_rows():
    fields = 'embed_param { input_dim: 9 num_output: 5 weight_filler { type: "xavier" } }'
    net = build(data('7', 'w') + layer('Embed', 'y', 'w', fields=fields))
    spread = Forecast(net).spreads['y']
    np.testing.assert_allclose(spread.mean, net.params['y'][0].data.mean(axis=0), rtol=1e-5)


def test_a_parameter_is_what_it_is():
    fields = 'parameter_param { shape { dim: 3 dim: 2 } }'
    net = build(layer('Parameter', 'y', '', 'y', fields))
    net.params['y'][0].data = np.arange(6).reshape(3, 2)
    spread = Forecast(net).spreads['y']
    assert (spread.mean[0], spread.var[0]) == (2.5, np.arange(6).var())


def test_without_batches_inputs_are_standard():
    spread = Forecast(build(data())).spreads['data']
    np.testing.assert_array_equal(spread.mean, np.zeros(3))
    np.testing.assert_array_equal(spread.var, np.ones(3))


def test_the_greatest_of_constants():
    constant = Spread(np.array([1.0, 3.0]), np.zeros(2))
    found = greatest([constant, constant])
    np.testing.assert_allclose(found.mean, [1, 3], rtol=1e-5)
    assert (found.var < 1e-9).all()


def test_the_largest_of_rectified_elements():
    """Is that of the elements, rectified."""
    net = build(data(SHAPE, 'x') + CASES['ReLU'] + layer('Pooling', 'p', 'y', fields=POOL % 'MAX'))
    batch = batch_for(net)
    spread = Forecast(net, [batch]).spreads['p']
    mean, var = true_moments(outputs(net, batch)['p'].astype(float), 4)
    np.testing.assert_allclose(spread.mean, mean, rtol=0.03)
    np.testing.assert_allclose(spread.var, var, rtol=0.06)


@pytest.mark.parametrize('kernel, dilation', [(3, 1), (5, 1), (3, 2)])
def test_the_share_that_padding_leaves_in_the_long_run(kernel, dilation):
    """Of squares that spread to their neighbours thirty times."""
    squares = np.ones(12)
    reach = dilation * (kernel - 1) // 2
    for _ in range(30):
        before = squares.sum()
        padded = np.pad(squares, reach)
        squares = sum(padded[k * dilation :][:12] for k in range(kernel)) / kernel
    share = steady_share(12, kernel, 1, reach, dilation)
    assert share == pytest.approx(squares.sum() / before, rel=1e-3)


WITHOUT_RULE = {
    *('Accuracy', 'ArgMax', 'ContrastiveLoss', 'EuclideanLoss', 'HingeLoss', 'InfogainLoss'),
    *('MultinomialLogisticLoss', 'SigmoidCrossEntropyLoss', 'SmoothL1Loss', 'SoftmaxWithLoss'),
    *('Data', 'DenseImageData', 'DummyData', 'HDF5Data', 'HDF5Output', 'ImageData', 'Input'),
    'DetectionEvaluate',
    *('DetectionOutput', 'MemoryData', 'PriorBox', 'PriorBoxClustered', 'Python', 'WindowData'),
    *('LSTM', 'LSTMUnit', 'RNN', 'SPP', 'SpatialPyramidPooling'),
    *(
        'AnnotatedData',
        'BoxAnnotatorOHEM',
        'CenterLoss',
        'MultiBoxLoss',
        'PSROIPooling',
        'Proposal',
        'RReLU',
    ),
    *('Reorg', 'SegAccuracy', 'SmoothL1LossOHEM', 'SoftmaxWithLossOHEM'),
}


def has_rule(kind):
    return any(base.__name__ in RULES for base in LAYERS[kind].__mro__)


def test_every_layer_type_has_a_rule_or_is_known_to_have_none():
    without = {kind for kind in LAYERS if not has_rule(kind)}
    assert sorted(without) == sorted(WITHOUT_RULE)
