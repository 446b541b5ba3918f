"""Scale and scale+bias initialization, by their definitions."""

import numpy as np
import pytest
from goodinit.initializers import PRESETS, Recipe, initialize, walk
from goodinit.initializers.random_numbers import normal
from goodinit.initializers.walk import measuring
from goodinit.netlib.layers.shared.affine import Affine
from small_nets import NETS, build, conv, data, fc, samples


def initialized(text, normalize, count=2):
    net = build(text)
    batches = samples(net, count)
    notes = initialize(net, batches, Recipe('keep', normalize), np.random.default_rng(0))
    with measuring(net):
        return (
            net,
            batches,
            {step.layer.name: step.forward() for step in walk(net, batches) if step.affine},
            notes,
        )


def owners(net):
    return [
        layer
        for layer in net.layers
        if isinstance(layer, Affine) and layer.weight.owner is layer.weight
    ]


@pytest.mark.parametrize('name', NETS)
def test_scale(name):
    net, _, measured, _ = initialized(name, 'scale')
    for layer in owners(net):
        assert measured[layer.name].mean_square == pytest.approx(1, rel=1e-3)
        assert not layer.bias.data.any()


@pytest.mark.parametrize('name', NETS)
def test_scale_bias(name):
    net, _, measured, _ = initialized(name, 'scale_bias')
    for layer in owners(net):
        np.testing.assert_allclose(measured[layer.name].mean, 0, atol=1e-4)
        assert measured[layer.name].total_var == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize('name', ['scale', 'scale_bias'])
def test_by_the_formulas_of_the_paper(name):
    """Eq. 13 and 14 on one layer, epsilon included, from W ~ N(0, 1)."""
    net = build(data('40 9') + fc('f', 'data', 7), dtype=np.float64)
    batch = {'data': 0.003 * np.random.default_rng(1).standard_normal((40, 9)) + 0.001}
    initialize(net, [batch], PRESETS[name], np.random.default_rng(0))
    W = normal((7, 9), np.random.default_rng(0))
    u = batch['data'] @ W.T
    b = -u.mean(axis=0) if name == 'scale_bias' else np.zeros(7)
    factor = 1 / np.sqrt(np.square(u + b).mean() + 1e-5)
    np.testing.assert_allclose(net.params['f'][0].data, factor * W, rtol=1e-6)
    np.testing.assert_allclose(net.params['f'][1].data, factor * b, rtol=1e-6)


def test_without_bias():
    text = data() + conv('c', 'data', 6, more='bias_term: false') + fc('f', 'c', 3)
    _, _, measured, notes = initialized(text, 'scale_bias')
    assert measured['c'].mean_square == pytest.approx(1, rel=1e-3)
    assert notes == ["layer 'c': it has no bias to set: only its scale is set"]


@pytest.mark.parametrize('normalize', ['scale', 'scale_bias'])
def test_zero_weights_are_left_alone(normalize):
    net = build('chain')
    net.params['c2'][0].data = 0
    notes = initialize(net, samples(net), Recipe('keep', normalize), np.random.default_rng(0))
    assert (
        "layer 'c2': its output is constant, so its weights cannot be scaled: left unchanged"
        in notes
    )
    assert all(np.isfinite(param.data).all() for param in net.all_params())
