"""Where weights come from: shapes and samples, by layer and by group."""

import numpy as np
import pytest
from goodinit.initializers import Recipe, fill_array, initialize, of_kind, orthonormal
from goodinit.proto.caffe_pb2 import TEST, FillerParameter
from small_nets import build, outputs, samples


def initialized(name, recipe):
    net = build(name)
    return net, initialize(net, samples(net, 2), recipe, np.random.default_rng(0))


FILLERS = {
    'gaussian': FillerParameter(type='gaussian', std=0.01),
    'unit_gaussian': FillerParameter(type='gaussian', std=1),
    'xavier': FillerParameter(type='xavier'),
    'msra': FillerParameter(type='msra'),
}


def test_weights_from_shapes():
    for source, expected in {
        'keep': lambda shape, rng: build('chain').params['c1'][0].data,
        'filler': None,
        'orthonormal': orthonormal,
        **{
            name: lambda shape, rng, p=param: fill_array(shape, p, rng)
            for name, param in FILLERS.items()
        },
    }.items():
        net, _ = initialized('chain', Recipe(source, 'none', layers='c1'))
        shape = net.params['c1'][0].shape
        expected = (
            expected(shape, np.random.default_rng(0))
            if expected
            else build('chain').params['c1'][0].data
        )
        # Of a product of matrices, engines round the last bits in ways of their own.
        rounding = 1e-6 if source == 'orthonormal' else 0
        np.testing.assert_allclose(
            net.params['c1'][0].data, expected, rtol=0, atol=rounding, err_msg=source
        )


def test_orthonormal_by_group():
    net, _ = initialized('groups', Recipe('orthonormal', 'none'))
    for group in net.params['c2'][0].data.reshape(4, 3, 18):
        np.testing.assert_allclose(group @ group.T, np.eye(3), atol=1e-5)


@pytest.mark.parametrize('source', of_kind('samples'))
def test_weights_from_samples_are_for_convolutions_unless_asked(source):
    net, _ = initialized('chain', Recipe(source, 'none'))
    assert net.params['f1'][0].data.std() == pytest.approx(0.01, rel=0.1)
    net, _ = initialized('chain', Recipe(source, 'none', all_layers=True))
    assert net.params['f1'][0].data.std() > 0.02


def test_pca_whitens_each_group():
    net = build('groups', phase=TEST)
    batches = samples(net, 3)
    notes = initialize(net, batches, Recipe('pca', 'none', layers='c1'), np.random.default_rng(0))
    assert notes == []
    outs = []
    for batch in batches:
        outputs(net, batch)
        net.forward(end='c1')
        outs.append(np.moveaxis(net.blobs['c1'].data, 1, 0).reshape(8, -1).copy())
    for group in np.split(np.concatenate(outs, axis=1), 2):
        np.testing.assert_allclose(np.cov(group, bias=True), np.eye(4), atol=1e-3)


def test_notes_name_layer_and_group():
    net = build('groups')
    for param in net.all_params():
        param.data = 0
    notes = initialize(
        net, [{'data': np.zeros((6, 4, 9, 9))}], Recipe('pca', 'none'), np.random.default_rng(0)
    )
    assert any(
        note.startswith("layer 'c1': group 1: the 294 samples do not vary") for note in notes
    ), notes


def test_few_samples_where_memory_is_small():
    _, notes = initialized('chain', Recipe('pca', 'none', memory=8 * 27 * 5, layers='c1'))
    assert notes[-1].startswith(
        "layer 'c1': 5 samples of dimension 27 have rank 4: 4 of 8 filters come from them"
    )


def test_a_deconvolution_has_no_rows_of_samples():
    _, notes = initialized('unet', Recipe('pca', 'within', all_layers=True))
    assert (
        "layer 'up': no rows of samples meet the weights of a Deconvolution: they are Gaussian"
        in notes
    )
