"""Kernels with a matrix at their centre: delta_orthogonal, identity, zero (ZerO)."""

import numpy as np
import pytest
from goodinit.initializers import Recipe, fill_array, initialize
from goodinit.netlib.errors import NetError
from goodinit.proto.caffe_pb2 import FillerParameter
from scipy.linalg import hadamard
from small_nets import build, conv, data, outputs, samples

NAMES = ('delta_orthogonal', 'identity', 'zero')


def filled(name, *shape):
    return fill_array(shape, FillerParameter(type=name), np.random.default_rng(0))


@pytest.mark.parametrize('name', NAMES)
def test_only_the_centre_of_a_kernel_is_not_zero(name):
    weights = filled(name, 6, 4, 3, 5)
    assert weights.dtype == np.float32 and weights[:, :, 1, 2].any()
    weights[:, :, 1, 2] = 0
    assert not weights.any()


def test_delta_orthogonal_keeps_lengths():
    """Of every pixel's channels, whatever the image: so the filter is a rotation."""
    text = data('2 3 6 6') + conv('c', 'data', 5, more='pad: 1 bias_term: false')
    net = build(text)
    batches = samples(net)
    initialize(net, batches, Recipe('delta_orthogonal', 'none'), np.random.default_rng(0))
    z = outputs(net, batches[0])['c']
    x = batches[0]['data']
    np.testing.assert_allclose((z**2).sum(axis=1), (x**2).sum(axis=1), rtol=1e-5)


def test_delta_orthogonal_in_each_group():
    net = build(data('2 4 6 6') + conv('c', 'data', 6, more='group: 2'))
    recipe = Recipe('delta_orthogonal', 'none')
    initialize(net, samples(net), recipe, np.random.default_rng(0))
    for group in net.params['c'][0].data[:, :, 1, 1].reshape(2, 3, 2):
        np.testing.assert_allclose(group.T @ group, np.eye(2), atol=1e-6)


def test_delta_orthogonal_leaves_inner_products_orthonormal():
    net = build('chain')
    recipe = Recipe('delta_orthogonal', 'none')
    initialize(net, samples(net), recipe, np.random.default_rng(0))
    weights = net.params['f2'][0].data
    np.testing.assert_allclose(weights @ weights.T, np.eye(5), atol=1e-5)


def test_delta_orthogonal_refuses_fewer_outputs_than_inputs():
    message = 'delta_orthogonal filler: found 4 outputs of 6 inputs, needed: at least as many'
    with pytest.raises(NetError, match=message):
        filled('delta_orthogonal', 4, 6, 3, 3)
    net = build(data('2 6 6 6') + conv('narrow', 'data', 4))
    recipe = Recipe('delta_orthogonal', 'none')
    with pytest.raises(NetError, match=f"layer 'narrow'.*{message}"):
        initialize(net, samples(net), recipe, np.random.default_rng(0))


def test_delta_orthogonal_needs_a_centre():
    with pytest.raises(NetError, match='found a kernel of 2 x 3, which has no centre; needed: odd'):
        filled('delta_orthogonal', 6, 4, 2, 3)


@pytest.mark.parametrize('name', NAMES)
def test_a_blob_without_inputs_is_refused(name):
    message = rf'{name} filler: found a blob of shape 5, needed: weights \(outputs, inputs, ...\)'
    with pytest.raises(NetError, match=message):
        filled(name, 5)


def test_identity_repeats_or_cuts_off_channels():
    np.testing.assert_array_equal(filled('identity', 3, 3), np.eye(3))
    np.testing.assert_array_equal(filled('identity', 5, 2), np.eye(2)[[0, 1, 0, 1, 0]])
    np.testing.assert_array_equal(filled('identity', 2, 5), np.eye(2, 5))


@pytest.mark.parametrize('name', ['identity', 'zero'])
def test_a_convolution_of_ones_and_zeros_passes_its_image(name):
    net = build(data('2 4 6 6') + conv('c', 'data', 4, more='pad: 1 group: 2 bias_term: false'))
    batches = samples(net)
    initialize(net, batches, Recipe(name, 'none'), np.random.default_rng(0))
    np.testing.assert_allclose(outputs(net, batches[0])['c'], batches[0]['data'], atol=1e-6)


def test_a_depthwise_convolution_passes_each_channel():
    np.testing.assert_array_equal(filled('identity', 6, 1, 3, 3)[:, 0, 1, 1], np.ones(6))


def test_zero_is_hadamards_matrix_where_a_layer_grows():
    np.testing.assert_allclose(filled('zero', 6, 4), hadamard(8)[:6, :4] / np.sqrt(8), rtol=1e-6)
    np.testing.assert_array_equal(filled('zero', 4, 6), np.eye(4, 6))
    grown = filled('zero', 8, 3, 3, 3)[:, :, 1, 1]
    np.testing.assert_allclose(grown.T @ grown, np.eye(3), atol=1e-6)
