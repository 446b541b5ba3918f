"""Layers that share weights take one turn: their samples and moments are pooled."""

import numpy as np
import pytest
from goodinit.initializers import PRESETS, Recipe, initialize, walk
from goodinit.initializers.turns import ordered, turns
from small_nets import ALL, build, conv, data, fc, layer, outputs, put, relu, samples, shared

TWO_SCALES = (
    data('8 3 12 12', 'a')
    + layer('Power', 'b', 'a', fields='power_param { scale: 40 }')
    + conv('c', 'a', 16, fields=shared('w', 'bias'))
    + conv('cp', 'b', 16, fields=shared('w', 'bias'))
    + layer('Concat', 'cat', 'c cp')
    + relu('cat')
    + fc('ip', 'cat', 6)
)


def names(net):
    found = []
    for turn in turns(net):
        found.append([net.layers[i].name for i in turn])
    return found


@pytest.mark.parametrize('name', ['chain', 'inception', 'unet', 'maxout', 'many_tops'])
def test_without_shared_weights_layers_take_turns_in_the_nets_order(name):
    net = build(ALL[name])
    assert turns(net) == [[i] for i in range(len(net.layers))]


def test_the_halves_of_a_siamese_net_advance_side_by_side():
    assert names(build('siamese')) == [
        ['data'],
        ['data_p'],
        ['c1', 'c1_p'],
        ['relu_c1'],
        ['p1'],
        ['relu_c1_p'],
        ['p1_p'],
        ['feat', 'feat_p'],
        ['both'],
        ['out'],
    ]


def test_a_layer_behind_the_first_takes_its_own_turn():
    fields = shared('w', 'b')
    text = data() + conv('c', 'data', 3, fields=fields) + conv('d', 'c', 3, fields=fields)
    assert names(build(text)) == [['data'], ['c'], ['d']]


def test_groups_that_wait_for_each_other_are_taken_apart():
    reads = [set(), {0}, {1}, {0}, {3}]  # 1 -> 2 and 3 -> 4, with 1 and 4, 2 and 3 sharing weights
    assert ordered([[1, 4], [2, 3]], reads) == [[0]]
    text = (
        data('6 3 8 8')
        + conv('a', 'data', 3, fields=shared('v', 'x'))
        + conv('b', 'a', 3, fields=shared('w', 'y'))
        + conv('d', 'data', 3, fields=shared('w', 'y'))
        + conv('e', 'd', 3, fields=shared('v', 'x'))
        + layer('Concat', 'both', 'b e')
        + fc('f', 'both', 3)
    )
    found = names(build(text))
    assert [name for turn in found for name in turn].count('e') == 1
    assert sorted(len(turn) for turn in found)[-2:] == [1, 2]


def pooled_outputs(net, batch, tops):
    put(net, batch)
    net.forward()
    return np.concatenate([net.blobs[name].data.ravel() for name in tops])


@pytest.mark.parametrize('method, variance', [('lsuv', 1.0), ('scale', 1.0)])
def test_the_variance_is_that_of_all_uses(method, variance):
    net = build(TWO_SCALES)
    (batch,) = samples(net)
    initialize(net, [batch], PRESETS[method], np.random.default_rng(0))
    blobs = {}
    net.after_forward.append(
        lambda i: blobs.update({blob.name: blob.data.copy() for blob in net.tops[i]})
    )
    outputs(net, batch)
    z = np.concatenate([blobs['c'].ravel(), blobs['cp'].ravel()])
    assert z.var() + (method == 'scale') * z.mean() ** 2 == pytest.approx(variance, abs=0.02)


def test_within_sets_mean_and_variance_of_all_uses():
    net = build(TWO_SCALES)
    (batch,) = samples(net)
    recipe = Recipe('gaussian', 'within', beta=0.5)
    initialize(net, [batch], recipe, np.random.default_rng(0))
    blobs = {}
    net.after_forward.append(
        lambda i: blobs.update({blob.name: blob.data.copy() for blob in net.tops[i]})
    )
    outputs(net, batch)
    z = np.concatenate([blobs['c'], blobs['cp']])
    np.testing.assert_allclose(z.mean(axis=(0, 2, 3)), 0.5, atol=1e-4)
    np.testing.assert_allclose(z.var(axis=(0, 2, 3)), 1, rtol=1e-4)


def test_samples_come_from_all_uses():
    net = build(TWO_SCALES)
    batches = samples(net, 2)
    for step in walk(net, batches):
        if step.names == ['c', 'cp']:
            (rows,) = step.samples(40, np.random.default_rng(0))
            large = abs(rows).max(axis=1) > 10
            assert len(rows) == 40
            assert 15 <= large.sum() <= 25


def test_uses_with_biases_of_their_own():
    """The moments are those of W x with the first layer's bias; each use keeps its own."""
    text = TWO_SCALES.replace(
        shared('w', 'bias'), 'param { name: "w" } param { lr_mult: 1 }'
    ).replace('scale: 40', 'scale: 2')
    net = build(text)
    (batch,) = samples(net)
    own = net.params['cp'][1].data.copy()
    for step in walk(net, [batch]):
        if step.names == ['c', 'cp']:
            step.forward()
            step.rescale(2.0)
            mean, var = step.moments.total_mean, step.moments.total_var
    np.testing.assert_array_equal(net.params['cp'][1].data, own)
    blobs = {}
    net.after_forward.append(
        lambda i: blobs.update({blob.name: blob.data.copy() for blob in net.tops[i]})
    )
    outputs(net, batch)
    shift = (net.params['c'][1].data - own)[:, None, None]
    z = np.concatenate([blobs['c'].ravel(), (blobs['cp'] + shift).ravel()])
    assert (mean, var) == (pytest.approx(z.mean(), abs=1e-5), pytest.approx(z.var(), rel=1e-4))
