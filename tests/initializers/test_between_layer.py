"""Between-layer normalization: the function stays, change rates meet."""

import numpy as np
import places
import pytest
from goodinit.initializers import INITIALIZERS
from goodinit.initializers.recipe import Recipe, choose
from goodinit.initializers.whole_net.rounds import log_rates
from goodinit.initializers.whole_net.whole import WholeNet
from goodinit.netlib import Net
from goodinit.proto.caffe_pb2 import TEST
from small_nets import (
    NETS,
    WITH_BATCH_NORM,
    WITH_LRN,
    build,
    conv,
    data,
    fc,
    layer,
    outputs,
    relu,
    samples,
    shared,
)

SQUEEZENET = places.DATA / 'squeezenet'
SEED = int(np.random.default_rng(7).integers(2**63))  # what `balance` draws from default_rng(7)


def balance(net, batches, method='exact', layers='', strict=False):
    chosen, _ = choose(net, Recipe(layers=layers))
    whole = WholeNet(net, batches, chosen)
    return INITIALIZERS[method](whole, np.random.default_rng(7), {'strict': strict})


def rates(net, batches):
    """The log-rates by layer name, with the random losses that `balance` sees."""
    known = log_rates(net, batches, np.random.default_rng(SEED))
    return {
        layer.name: known[layer.weight]
        for layer in net.layers
        if layer.params and layer.params[0] in known
    }


def spread(net, batches):
    values = list(rates(net, batches).values())
    return np.exp(max(values) - min(values))


def unbalanced(text, dtype=np.float64, phase=TEST):
    """A net whose layers have scales far apart, its outputs, and its batches."""
    net = build(text, dtype=dtype, phase=phase)
    for i, param in enumerate(net.all_params()):
        if param.owner is param:
            param.data *= [1, 7, 0.1, 3, 0.03, 20][i % 6]
    batches = samples(net, 2)
    return net, batches, outputs(net, batches[0])


def assert_same_function(net, batch, before, rtol):
    for name, values in outputs(net, batch).items():
        np.testing.assert_allclose(
            values, before[name], rtol=0, atol=rtol * np.abs(before[name]).max(), err_msg=name
        )


@pytest.mark.parametrize('dtype, rtol', [(np.float64, 1e-10), (np.float32, 1e-4)])
@pytest.mark.parametrize('method', ['exact', 'paper'])
@pytest.mark.parametrize('name', NETS)
def test_outputs_stay(name, method, dtype, rtol):
    net, batches, before = unbalanced(name, dtype)
    old = {param.name: param.data.copy() for param in net.all_params()}
    notes = balance(net, batches, method)
    assert_same_function(net, batches[0], before, rtol)
    assert notes == []
    assert any(np.abs(param.data / old[param.name] - 1).max() > 0.1 for param in net.all_params())


@pytest.mark.parametrize('name', ['chain', 'groups', 'siamese', 'many_tops'])
def test_rates_of_a_chain_meet_at_their_geometric_mean(name):
    net, batches, _ = unbalanced(name)
    mean = np.mean(list(rates(net, batches).values()))
    assert spread(net, batches) > 10
    balance(net, batches)
    assert spread(net, batches) == pytest.approx(1, abs=1e-6)
    assert np.mean(list(rates(net, batches).values())) == pytest.approx(mean)


# Each move is a change of scale that the net permits: powers of the factor by which W and b of a
# layer are multiplied.
MOVES = {
    'inception': [
        {'c1': (1, 1), 'a': (-1, 0), 'r': (-1, 0), 'c': (-1, 0)},
        {'r': (1, 1), 'b': (-1, 0)},
        {'a': (1, 1), 'b': (1, 1), 'c': (1, 1), 'f': (-1, 0)},
    ],
    'product': [
        {'c1': (1, 1), 'f1': (-1, 0)},
        {'g': (1, 1), 'f1': (-1, 0)},
        {'f1': (1, 1), 'f2': (-1, 0)},
    ],
    'power': [{'c1': (1, 1), 'f1': (-2, 0)}, {'f1': (1, 1), 'f2': (-1, 0)}],
    'sigmoid': [{'f1': (1, 1), 'f2': (-1, 0)}],
    'unet': [
        {'d1': (1, 1), 'd2': (-1, 0), 'up': (1, 1), 'u': (-1, 0)},
        {'d2': (1, 1), 'up': (-1, 0)},
        {'u': (1, 1), 'score': (-1, 0)},
    ],
}


def move(net, change, factor):
    for name, powers in change.items():
        for param, power in zip(net.params[name], powers, strict=True):
            param.data *= factor**power


@pytest.mark.parametrize('name', MOVES)
def test_no_permitted_move_brings_rates_closer(name):
    net, batches, before = unbalanced(name)
    first = spread(net, batches)
    balance(net, batches)
    best = np.var(list(rates(net, batches).values()))
    assert spread(net, batches) < first
    for change in MOVES[name]:
        for factor in (1.01, 1 / 1.01):
            move(net, change, factor)
            assert_same_function(net, batches[0], before, 1e-10)
            assert np.var(list(rates(net, batches).values())) > best
            move(net, change, 1 / factor)


def test_paper_goes_there_in_ten_damped_rounds():
    net, batches, _ = unbalanced('chain')
    first = np.array(list(rates(net, batches).values()))
    balance(net, batches, 'paper')
    np.testing.assert_allclose(
        list(rates(net, batches).values()), first.mean() + 0.75**10 * (first - first.mean())
    )


def test_one_measurement_suffices():
    net, batches, _ = unbalanced('inception')
    calls = []
    net.before_forward.append(calls.append)
    balance(net, batches)
    assert len(calls) == len(net.layers) * len(batches)


# -- layers that are homogeneous only nearly


@pytest.mark.parametrize('text', [WITH_LRN, WITH_BATCH_NORM])
def test_nearly_homogeneous_layers_are_measured_again(text):
    net = build(text)
    batches = samples(net, 2)
    for param in net.params['f1' if text is WITH_LRN else 'f']:
        param.data *= 3
    assert spread(net, batches) > 2
    balance(net, batches)
    assert spread(net, batches) < 1.02


def test_the_first_of_many_batches_goes_most_of_the_way():
    net = build(WITH_LRN)
    for param in net.params['f1']:
        param.data *= 3
    batches, calls = samples(net, 8), []
    net.before_forward.append(calls.append)
    balance(net, batches)
    passes = len(calls) / len(net.layers)
    assert passes % 8 and passes < 3 * 8  # rounds on one batch, then one or two on all
    assert spread(net, batches) < 1.02


@pytest.mark.parametrize('text', [WITH_LRN, WITH_BATCH_NORM])
def test_strict_keeps_the_function_of_nearly_homogeneous_layers(text):
    net, batches, before = unbalanced(text, phase=0)
    first = spread(net, batches)
    balance(net, batches, strict=True)
    assert_same_function(net, batches[0], before, 1e-10)
    assert spread(net, batches) <= first


def test_batch_norm_with_statistics_pins_its_bottom():
    net = build(WITH_BATCH_NORM)
    batches = samples(net)
    net.forward()
    old = net.params['c1'][0].data.copy()
    balance(net, batches)
    np.testing.assert_array_equal(net.params['c1'][0].data, old)
    for param in net.params['bn1'] + net.params['bn2']:
        param.data = 0
    balance(net, batches)
    assert np.abs(net.params['c1'][0].data / old - 1).max() > 0.01


def test_batch_norm_statistics_are_left_alone():
    net = build(WITH_BATCH_NORM)
    net.forward()
    old = [param.data.copy() for param in net.params['bn1']]
    balance(net, samples(net))
    for param, values in zip(net.params['bn1'], old, strict=True):
        np.testing.assert_array_equal(param.data, values)


def test_rates_that_do_not_settle_are_reported(monkeypatch):
    monkeypatch.setattr('goodinit.initializers.whole_net.rounds.MOST_ROUNDS', 2)
    net = build(WITH_LRN.replace('alpha: 0.01', 'alpha: 100'))
    net.params['c1'][0].data *= 0.01
    assert any(
        'after 2 rounds change rates still moved by' in note and 'n1 (--strict' in note
        for note in balance(net, samples(net))
    )


# -- what must stay


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


# -- numbers at the edge


@pytest.mark.parametrize('zero', ['c2', 'f2'])
def test_zero_weights_do_not_count(zero):
    net, batches, before = unbalanced('chain')
    net.params[zero][0].data = 0
    before = outputs(net, batches[0])
    notes = balance(net, batches)
    assert (
        f"layer '{zero}': no gradient reaches its weights, or they are zero: its change rate does not count"
        in notes
    )
    assert_same_function(net, batches[0], before, 1e-10)
    for param in net.all_params():
        assert np.isfinite(param.data).all()


def test_factors_have_a_limit():
    net, batches, before = unbalanced('chain')
    net.params['c1'][0].data *= 1e20
    net.params['c1'][1].data *= 1e20
    net.params['c2'][0].data *= 1e-20
    largest = np.abs(net.params['c2'][0].data).max()
    assert any('scaling stopped at a factor of 1e+12' in note for note in balance(net, batches))
    assert np.abs(net.params['c2'][0].data).max() / largest < 1.001e12
    assert_same_function(net, batches[0], before, 1e-8)


def test_nothing_to_change():
    text = data() + conv('c', 'data', 4) + layer('TanH', 't', 'c', 'c') + fc('f', 'c', 3)
    net, batches, _ = unbalanced(text)
    old = weights(net)
    notes = balance(net, batches)
    assert notes == ['between layers: no scale can change without changing what the net computes']
    assert changed(net, old) == set()


def test_same_seed_same_weights():
    first, second = (unbalanced('inception', np.float32)[0] for _ in range(2))
    for net in (first, second):
        balance(net, samples(net))
    for a, b in zip(first.all_params(), second.all_params(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)


@pytest.mark.skipif(not SQUEEZENET.is_dir(), reason='needs ../shared/data/squeezenet')
def test_a_trained_net_keeps_its_outputs():
    net = Net(
        SQUEEZENET / 'deploy.prototxt',
        TEST,
        load=SQUEEZENET / 'squeezenet_v1.0_deepcompressed.caffemodel',
    )
    net.blobs['data'].reshape(2, 3, 67, 67)
    batches = [{'data': 50 * batch['data']} for batch in samples(net)]
    before, first = outputs(net, batches[0]), spread(net, batches)
    balance(net, batches)
    assert_same_function(net, batches[0], before, 1e-4)
    assert spread(net, batches) < 0.6 * first
