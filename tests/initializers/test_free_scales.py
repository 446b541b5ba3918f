"""Scales that are free to change, and what must stay when they do."""

import numpy as np
from scaled_nets import assert_same_function, balance, unbalanced
from small_nets import build, conv, data, fc, layer, outputs, relu, shared


def changed(net, old):
    return {
        name
        for name, values in old.items()
        if np.abs(net.params[name][0].data / values - 1).max() > 1e-6
    }


def weights(net):
    return {name: params[0].data.copy() for name, params in net.params.items()}


def test_layers_that_are_not_chosen_keep_their_parameters():
    net, batches, before = unbalanced('chain')
    old = weights(net)
    balance(net, batches, layers='c2|f1')
    assert_same_function(net, batches[0], before, 1e-10)
    assert changed(net, old) == {'c2', 'f1'}


def test_a_kept_bias_pins_its_blob_and_a_zero_bias_does_not():
    net, batches, before = unbalanced('chain')
    old = weights(net)
    balance(net, batches, layers='c1|f1')  # between them c2, with its bias
    assert changed(net, old) == set()
    net.params['c2'][1].data = 0
    before = outputs(net, batches[0])
    balance(net, batches, layers='c1|f1')
    assert changed(net, old) == {'c1', 'f1'}
    assert_same_function(net, batches[0], before, 1e-10)


def test_frozen_weights_and_biases_stay():
    text = (
        data()
        + conv('c1', 'data', 8)
        + relu('c1')
        + conv('c2', 'c1', 8, fields='param { lr_mult: 0 } param { lr_mult: 0 }')
        + relu('c2')
        + conv('c3', 'c2', 8, fields='param {} param { lr_mult: 0 }')
        + relu('c3')
        + fc('f1', 'c3', 8)
        + relu('f1')
        + fc('f2', 'f1', 5)
    )
    net, batches, before = unbalanced(text)
    old = weights(net)
    frozen = [net.params['c2'][1].data.copy(), net.params['c3'][1].data.copy()]
    balance(net, batches)
    assert_same_function(net, batches[0], before, 1e-10)
    assert changed(net, old) == {'f1', 'f2'}
    np.testing.assert_array_equal(net.params['c2'][1].data, frozen[0])
    np.testing.assert_array_equal(net.params['c3'][1].data, frozen[1])


def test_weights_shared_with_another_kind_of_layer_stay():
    text = (
        layer('Input', 'data', '', fields='input_param { shape { dim: 6 } }')
        + layer(
            'Embed',
            'embed',
            'data',
            fields='embed_param { num_output: 7 input_dim: 9 bias_term: false '
            'weight_filler { type: "xavier" } } param { name: "E" }',
        )
        + fc('f1', 'embed', 7)
        + relu('f1')
        + fc('f2', 'f1', 7)
        + relu('f2')
        + fc('out', 'f2', 9, 'bias_term: false', 'param { name: "E" }')
    )
    net = build(text, dtype=np.float64)
    batches = [{'data': np.arange(6.0)}]
    before, old = outputs(net, batches[0]), weights(net)
    balance(net, batches)
    assert_same_function(net, batches[0], before, 1e-10)
    assert changed(net, old) == {'f1', 'f2'}


def test_a_shared_bias_ties_scales():
    text = (
        data()
        + conv('a', 'data', 6, fields=shared('', 'b'))
        + relu('a')
        + conv('c', 'data', 6, fields=shared('', 'b'))
        + relu('c')
        + conv('d', 'a', 4)
        + conv('e', 'c', 4)
        + layer('Concat', 'cat', 'd e')
        + fc('f', 'cat', 5)
    )
    net, batches, before = unbalanced(text)
    balance(net, batches)
    assert_same_function(net, batches[0], before, 1e-10)


def test_nothing_to_change():
    text = data() + conv('c', 'data', 4) + layer('TanH', 't', 'c', 'c') + fc('f', 'c', 3)
    net, batches, _ = unbalanced(text)
    old = weights(net)
    notes = balance(net, batches)
    assert notes == ['between layers: no scale can change without changing what the net computes']
    assert changed(net, old) == set()
