"""The analytic initializer (AutoInit) and the predictions beside measured deviations."""

import numpy as np
import pytest
from goodinit.initializers import PRESETS, Recipe, initialize, measure
from goodinit.initializers.analytic.forecast import add_predictions
from goodinit.netlib.errors import NetError
from residual_nets import residual_net
from small_nets import build, conv, data, fc, layer, relu, samples

RNN = layer('RNN', 'r', 'x cont', fields='recurrent_param { num_output: 6 %s }')
FILLED = 'weight_filler { type: "xavier" } bias_filler { type: "constant" }'
RECURRENT = (
    data('3 2 5', 'x')
    + data('3 2', 'cont')
    + RNN % FILLED
    + fc('f', 'r', 4, 'axis: 2')
    + fc('g', 'x', 4, 'axis: 2')
)


def initialized(net, batches, **options):
    recipe = Recipe('unit_gaussian', 'analytic', **options)
    return initialize(net, batches, recipe, np.random.default_rng(0))


def many(net, count=4):
    return samples(net, count)


@pytest.mark.parametrize('name', ['chain', 'groups', 'inception', 'sigmoid', 'maxout', 'product'])
def test_outputs_have_deviation_1(name):
    """As measured on random data: independent elements, as the rules assume."""
    net = build(name)
    initialized(net, many(net))
    for row in measure(net, many(net), np.random.default_rng(0)):
        assert 0.6 < row.output_std < 1.5, row


def test_biases_become_zero():
    net = build('chain')
    initialized(net, many(net))
    assert not any(params[1].data.any() for params in net.params.values())


def test_the_moments_of_the_inputs_count():
    net = build('chain')
    batches = [{'data': 50 + 30 * batch['data']} for batch in many(net)]
    initialized(net, batches)
    first = measure(net, batches, np.random.default_rng(0))[0]
    assert 0.5 < first.output_std < 2


def test_no_layer_runs():
    net = build('chain')
    runs = []
    net.after_forward.append(runs.append)
    initialized(net, many(net))
    assert not runs


def test_it_works_without_data():
    net, again = build('chain'), build('chain')
    for each in (net, again):
        assert initialized(each, []) == [
            'dropout is off while layers are measured (--dropout keeps it on)'
        ]
    rows = measure(net, many(net), np.random.default_rng(0))
    assert all(0.6 < row.output_std < 1.5 for row in rows)
    for name in net.params:
        np.testing.assert_array_equal(net.params[name][0].data, again.params[name][0].data)


def test_weights_from_samples_still_see_data():
    net = build('chain')
    recipe = Recipe('pca', 'analytic')
    initialize(net, many(net), recipe, np.random.default_rng(0))
    row = measure(net, many(net), np.random.default_rng(0))[0]
    assert 0.6 < row.output_std < 1.5


def test_layers_that_are_not_chosen_stay():
    net, before = build('chain'), build('chain')
    initialized(net, many(net), layers='c2')
    np.testing.assert_array_equal(net.params['c1'][0].data, before.params['c1'][0].data)
    assert (net.params['c2'][0].data != before.params['c2'][0].data).any()


def test_a_constant_output_is_said():
    net = build('chain')
    net.params['c1'][0].data = 0
    recipe = Recipe('keep', 'analytic')
    notes = initialize(net, many(net), recipe, np.random.default_rng(0))
    note = "layer 'c1': its output is constant, so its weights cannot be scaled: left unchanged"
    assert note in notes


def test_a_layer_without_a_rule_is_named():
    net = build(RECURRENT)
    notes = initialized(net, [])
    expected = (
        "layer 'r': what a RNN makes of mean and variance is not known: its outputs count as "
        'having mean 0 and variance 1'
    )
    assert expected in notes


def test_there_are_no_predictions_behind_a_layer_without_a_rule():
    net = build(RECURRENT)
    batches = [{'x': np.ones((3, 2, 5)), 'cont': np.ones((3, 2))}]
    f, g = rows = measure(net, batches, np.random.default_rng(0))
    add_predictions(net, batches, rows)
    assert np.isnan(f.predicted_std) and np.isfinite(g.predicted_std)


@pytest.mark.parametrize('name', ['chain', 'inception', 'resnet', 'many_tops'])
def test_predictions_are_near_what_is_measured(name):
    net = build(name)
    batches = many(net)
    rows = measure(net, batches, np.random.default_rng(0))
    add_predictions(net, batches, rows)
    for row in rows:
        assert 1 / 1.6 < row.predicted_std / row.output_std < 1.6, row


def test_rules_for_sums_need_data():
    message = (
        "residual: 'balanced' works on sums of data, which normalize: 'analytic' does not run; "
        'needed: normalize: lsuv, or residual: none'
    )
    net = build(residual_net())
    with pytest.raises(NetError, match=message):
        initialized(net, many(net), residual='balanced')


def test_the_preset():
    assert PRESETS['analytic'] == Recipe('unit_gaussian', 'analytic')


def test_a_residual_net():
    text = data('8 3 12 12') + conv('c', 'data', 8) + relu('c')
    net = build(
        text + conv('d', 'c', 8, more='pad: 1') + layer('Eltwise', 's', 'c d') + fc('f', 's', 4)
    )
    initialized(net, many(net))
    rows = measure(net, many(net), np.random.default_rng(0))
    assert all(0.7 < row.output_std < 1.4 for row in rows)
