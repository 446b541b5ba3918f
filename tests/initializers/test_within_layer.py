"""Within-layer initialization: unit variance and mean beta for every output."""

import numpy as np
import pytest
from goodinit.initializers import Recipe, initialize, walk
from goodinit.initializers.walk import measuring
from goodinit.netlib.layers.shared.affine import Affine
from small_nets import NETS, WITH_LRN, build, conv, data, fc, layer, relu, samples, shared

ALL = {**NETS, 'lrn': WITH_LRN}


def initialized(text, beta=0.1, count=2):
    net = build(text)
    batches = samples(net, count)
    return (
        net,
        batches,
        initialize(net, batches, Recipe('keep', 'within', beta=beta), np.random.default_rng(0)),
    )


def moments(net, batches):
    with measuring(net):
        return {step.layer.name: step.forward() for step in walk(net, batches) if step.affine}


@pytest.mark.parametrize('beta', [0.1, 0, -1])
@pytest.mark.parametrize('name', ALL)
def test_unit_variance_and_mean_beta(name, beta):
    net, batches, _ = initialized(ALL[name], beta)
    measured = moments(net, batches)
    for each in net.layers:
        if isinstance(each, Affine) and each.weight.owner is each.weight:
            np.testing.assert_allclose(measured[each.name].mean, beta, atol=1e-4, err_msg=each.name)
            np.testing.assert_allclose(measured[each.name].var, 1, rtol=1e-4, err_msg=each.name)


def test_the_directions_of_the_weights_stay():
    net, old = initialized('groups')[0], build('groups')
    for name in ('c1', 'c2'):
        rows = [n.params[name][0].data.reshape(len(n.params[name][0].data), -1) for n in (net, old)]
        cosines = (
            (rows[0] * rows[1]).sum(axis=1)
            / np.linalg.norm(rows[0], axis=1)
            / np.linalg.norm(rows[1], axis=1)
        )
        np.testing.assert_allclose(cosines, 1, rtol=1e-5)


@pytest.mark.parametrize(
    'text',
    [
        data() + conv('c', 'data', 6, more='bias_term: false') + fc('f', 'c', 3),
        data() + conv('c', 'data', 6, fields='param {} param { lr_mult: 0 }') + fc('f', 'c', 3),
    ],
)
def test_without_a_bias_to_set_means_stay(text):
    net, batches, notes = initialized(text)
    assert notes == [
        "layer 'c': it has no bias to set: its outputs get unit variance but keep their means"
    ]
    measured = moments(net, batches)['c']
    np.testing.assert_allclose(measured.var, 1, rtol=1e-4)
    if len(net.params['c']) > 1:
        np.testing.assert_array_equal(net.params['c'][1].data, build(text).params['c'][1].data)


def test_a_bias_of_another_layer_stays():
    text = (
        data()
        + conv('a', 'data', 6, fields=shared('', 'b'))
        + relu('a')
        + conv('c', 'a', 6, fields=shared('', 'b'))
    )
    net, batches, notes = initialized(text)
    np.testing.assert_allclose(moments(net, batches)['a'].mean, 0.1, atol=1e-4)
    assert any("layer 'c': it has no bias to set" in note for note in notes)


def test_constant_outputs_keep_their_weights():
    net = build('chain')
    net.params['c1'][0].data[[2, 5]] = 0
    batches = samples(net, 2)
    notes = initialize(net, batches, Recipe('keep', 'within'), np.random.default_rng(0))
    assert (
        notes[-1] == "layer 'c1': 2 of its 8 outputs are constant: their weights are left unchanged"
    )
    assert not net.params['c1'][0].data[[2, 5]].any()
    np.testing.assert_allclose(moments(net, batches)['c1'].mean, 0.1, atol=1e-4)


def test_inputs_far_from_zero():
    """A mean of a thousand standard deviations, as raw pixels can have."""
    text = (
        data()
        + layer('Power', 'p', 'data', fields='power_param { shift: 1000 }')
        + conv('c', 'p', 6)
    )
    net, batches, _ = initialized(text)
    measured = moments(net, batches)['c']
    np.testing.assert_allclose(measured.mean, 0.1, atol=0.01)
    np.testing.assert_allclose(measured.var, 1, rtol=0.01)
