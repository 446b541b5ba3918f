"""LSTM and RNN: the weights that an initialization gives them."""

import numpy as np
import pytest
from goodinit.initializers import PRESETS, Recipe, fill, initialize, measure
from goodinit.netlib import Net
from goodinit.proto import parse_net
from small_nets import fc, layer

T, N, K, S, D = 5, 8, 7, 4, 6
FILLED = 'weight_filler { type: "uniform" min: -0.1 max: 0.1 } bias_filler { value: 0.5 }'
INPUTS = f"""layer {{ name: "in" type: "Input" top: "x" top: "cont" top: "s"
  input_param {{ shape {{ dim: [{T}, {N}, {K}] }} shape {{ dim: [{T}, {N}] }}
                shape {{ dim: [{N}, {S}] }} }} }}"""


def text(type='LSTM', bottoms='x cont', fields='', name='l'):
    p = f'recurrent_param {{ num_output: {D} {FILLED} }}'
    return INPUTS + layer(type, name, bottoms, fields=f'{p} {fields}') + fc('f', name, 3, 'axis: 2')


def built(prototxt, engine='fast'):
    net = Net(parse_net(prototxt), 0, engine=engine)
    fill(net, np.random.default_rng(0))
    return net


def batches_of(count=2):
    rng = np.random.default_rng(1)
    found = []
    for _ in range(count):
        cont = np.ones((T, N))
        cont[0] = 0
        x, s = rng.normal(2, 3, (T, N, K)), rng.normal(0, 2, (N, S))
        found.append({'x': x, 'cont': cont, 's': s})
    return found


def initialized(net, recipe=PRESETS['lsuv'], batches=None):
    return initialize(net, batches or batches_of(), recipe, np.random.default_rng(0))


def gates(param):
    return param.data.reshape(-1, D, param.shape[-1])


@pytest.mark.parametrize('type', ['LSTM', 'RNN'])
@pytest.mark.parametrize('preset', ['lsuv', 'xavier', 'kmeans', 'orthonormal', 'scale_bias'])
def test_recurrent_matrices_are_orthonormal_gate_by_gate(type, preset):
    net = built(text(type))
    initialized(net, PRESETS[preset])
    found = gates(net.layers[1].W_h)
    assert len(found) == (4 if type == 'LSTM' else 1)
    for matrix in found:
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(D), atol=1e-5)
    assert len(found) == 1 or abs(found[0] - found[1]).max() > 0.1


@pytest.mark.parametrize('bottoms', ['x cont', 'x cont s'])
@pytest.mark.parametrize('type', ['LSTM', 'RNN'])
@pytest.mark.parametrize('preset, target', [('lsuv', 1), ('pca', 1), ('scale', 1), ('lsuv', 4)])
def test_what_comes_into_each_gate_has_the_variance(type, bottoms, preset, target):
    """Oracle: NumPy in float64."""
    net, batches = built(text(type, bottoms)), batches_of(3)
    recipe = PRESETS[preset]
    if target != 1:
        recipe = Recipe(recipe.weights_from, recipe.normalize, target=float(target))
    initialized(net, recipe, batches)
    params = [param.data.astype(float) for param in net.params['l']]
    parts = []
    for batch in batches:
        z = batch['x'] @ params[0].T
        if 's' in bottoms.split():
            z = z + batch['s'] @ params[2].T
        parts.append(z.reshape(T * N, -1, D))
    for gate in np.concatenate(parts).transpose(1, 0, 2):
        assert gate.var() == pytest.approx(target, rel=1e-3)


@pytest.mark.parametrize('engine', ['fast', 'reference'])
def test_the_output_of_an_rnn_has_variance_1_before_its_tanh(engine):
    net, (batch,) = built(text('RNN'), engine), batches_of(1)
    initialized(net, batches=[batch])
    for name, values in batch.items():
        net.blobs[name].data = values
    net.forward()
    z = np.arctanh(net.blobs['l'].data.astype(float)) - net.params['l'][-1].data
    assert z.var() == pytest.approx(1, rel=0.01)


@pytest.mark.parametrize('preset, fan_in', [('xavier', True), ('msra', False)])
def test_without_normalization_the_method_says_the_size(preset, fan_in):
    net = built(text())
    initialized(net, PRESETS[preset])
    W = net.params['l'][0].data
    if fan_in:
        bound = np.sqrt(3 / K)
        assert 0.9 * bound < abs(W).max() <= bound
    else:
        assert W.std() == pytest.approx(np.sqrt(2 / K), rel=0.15)


@pytest.mark.parametrize('value', [1.0, 2.5])
def test_the_forget_gate_has_its_bias_and_the_others_their_fillers(value):
    net = built(text())
    notes = initialized(net, Recipe('orthonormal', 'lsuv', forget_bias=value))
    i, f, o, g = net.params['l'][1].data.reshape(4, D)
    assert (f == value).all()
    assert all((each == 0.5).all() for each in (i, o, g))
    assert (
        "layer 'l': recurrent matrices orthonormal; input matrices orthonormal with variance 1 "
        f'of what comes into each gate; bias {value:g} of the forget gates'
    ) in notes


def test_an_rnn_has_no_forget_gate():
    net = built(text('RNN'))
    notes = initialized(net)
    assert (net.params['l'][1].data == 0.5).all()
    assert not any('forget' in note for note in notes)


@pytest.mark.parametrize('recipe', [Recipe('keep', 'lsuv'), Recipe('filler', 'lsuv')])
def test_weights_that_are_kept(recipe):
    net = built(text())
    before = [param.data.copy() for param in net.params['l']]
    notes = initialized(net, recipe)
    for param, old in zip(net.params['l'], before, strict=True):
        np.testing.assert_array_equal(param.data, old)
    assert "layer 'l': LSTM parameters keep their fillers" in notes


def test_a_name_chooses():
    net = built(text(name='rec'))
    before = net.params['rec'][0].data.copy()
    initialized(net, Recipe(layers='^f$'))
    np.testing.assert_array_equal(net.params['rec'][0].data, before)
    initialized(net, Recipe(layers='^rec$'))
    assert not np.array_equal(net.params['rec'][0].data, before)


def test_parameters_that_do_not_learn_stay():
    frozen = 'param { } param { lr_mult: 0 } param { lr_mult: 0 }'
    net = built(text(fields=frozen))
    before = [param.data.copy() for param in net.params['l']]
    initialized(net)
    same = [np.array_equal(p.data, old) for p, old in zip(net.params['l'], before, strict=True)]
    assert same == [False, True, True]


def test_constant_inputs_are_left_and_said():
    net, (batch,) = built(text()), batches_of(1)
    batch['x'][...] = 0
    notes = initialized(net, batches=[batch])
    assert any('gate 2: what comes in is constant, so its weights are not' in n for n in notes)
    assert all(np.isfinite(param.data).all() for param in net.params['l'])


def test_the_state_is_not_used_up():
    net, again = built(text()), built(text())
    initialized(net)
    again.copy_from(net.to_proto())
    ones = batches_of(1)[0] | {'cont': np.ones((T, N))}
    for each in (net, again):
        each.layers[1].carried.clear()
        for name, values in ones.items():
            each.blobs[name].data = values
        each.forward()
    np.testing.assert_array_equal(net.blobs['l'].data, again.blobs['l'].data)


def test_a_seed_gives_the_same_weights():
    first, second = built(text('RNN', 'x cont s')), built(text('RNN', 'x cont s'))
    for net in (first, second):
        initialized(net)
    for a, b in zip(first.all_params(), second.all_params(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)


def test_the_layer_above_is_measured_with_them():
    net, batches = built(text()), batches_of(2)
    initialized(net, batches=batches)
    (row,) = measure(net, batches, np.random.default_rng(0))
    assert row.layer == 'f' and row.output_std == pytest.approx(1, abs=0.02)


def test_a_net_of_recurrent_layers_alone():
    net = built(text().replace(fc('f', 'l', 3, 'axis: 2'), ''))
    initialized(net)
    assert gates(net.layers[1].W_h)[0] @ gates(net.layers[1].W_h)[0].T == pytest.approx(
        np.eye(D), abs=1e-5
    )
