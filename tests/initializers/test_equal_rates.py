"""Between-layer normalization: the function stays, change rates meet."""

import numpy as np
import places
import pytest
from goodinit.netlib import Net
from goodinit.proto.caffe_pb2 import TEST
from scaled_nets import (
    assert_same_function,
    balance,
    balance_and_measure,
    rates,
    spread,
    unbalanced,
)
from small_nets import (
    NETS,
    WITH_BATCH_NORM,
    WITH_LRN,
    build,
    layer,
    outputs,
    samples,
)

SQUEEZENET = places.DATA / 'squeezenet'


@pytest.mark.parametrize('dtype, rtol', [(np.float64, 1e-10), (np.float32, 1e-4)])
@pytest.mark.parametrize('method', ['exact', 'paper'])
@pytest.mark.parametrize('name', NETS)
def test_outputs_stay(name, method, dtype, rtol):
    net, batches, before = unbalanced(name, dtype)
    old = {param.name: param.data.copy() for param in net.all_params()}
    notes, measured = balance_and_measure(net, batches, method)
    assert_same_function(net, batches[0], before, rtol)
    assert all('change rates stay' in note for note in notes)
    assert measured['function_moved'] < rtol
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
    'resnet': [
        {'a': (1, 1), 'b': (-1, 0)},
        {'c1': (1, 1), 'a': (-1, 0), 'b': (1, 1), 'proj': (-1, 0), 'd': (-1, 0)},
        {'proj': (1, 1), 'd': (1, 1), 'f': (-1, 0)},
    ],
    'product': [
        {'c1': (1, 1), 'f1': (-1, 0)},
        {'g': (1, 1), 'f1': (-1, 0)},
        {'f1': (1, 1), 'f2': (-1, 0)},
    ],
    'power': [{'c1': (1, 1), 'f1': (-2, 0)}, {'f1': (1, 1), 'f2': (-1, 0)}],
    'sigmoid': [{'f1': (1, 1), 'f2': (-1, 0)}],
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


@pytest.mark.parametrize('name', ['inception', 'unet', 'product', 'power'])
def test_concat_does_not_tie_its_bottoms(name):
    net, batches, before = unbalanced(name)
    assert spread(net, batches) > 100
    notes, measured = balance_and_measure(net, batches)
    assert_same_function(net, batches[0], before, 1e-10)
    assert spread(net, batches) == pytest.approx(1, abs=1e-6)
    assert measured['rates_apart'] == pytest.approx(1, abs=1e-6)
    assert notes == []


@pytest.mark.parametrize(
    'name, held_by', [('resnet', "Eltwise 'sum2'"), ('maxout', "Eltwise 'c1'")]
)
def test_what_holds_rates_apart_is_said(name, held_by):
    net, batches, _ = unbalanced(name)
    notes, measured = balance_and_measure(net, batches)
    assert measured['rates_apart'] == pytest.approx(spread(net, batches))
    (note,) = notes
    assert f'change rates stay {spread(net, batches):.3g} apart' in note
    assert f'held by {held_by}' in note


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
    # Rates are measured once; then the outputs are compared.
    assert len(calls) == 2 * len(net.layers) * len(batches)


# -- layers that are homogeneous only nearly


@pytest.mark.parametrize('text', [WITH_LRN, WITH_BATCH_NORM])
def test_nearly_homogeneous_layers_are_measured_again(text):
    net = build(text)
    batches = samples(net, 2)
    for param in net.params['f1' if text is WITH_LRN else 'f']:
        param.data *= 3
    assert spread(net, batches) > 2
    balance(net, batches, allow_change=True)
    assert spread(net, batches) < 1.02


@pytest.mark.parametrize('constant', [1, 30, 300])
def test_lrn_bounds_the_step(constant):
    """Far from LRN's linear range outputs would move by 100 %."""
    text = WITH_LRN.replace('alpha: 0.01', 'alpha: 0.0001')
    net, far = build(text, dtype=np.float64), build(text, dtype=np.float64)
    batches = samples(net, 2)
    for each in (net, far):
        each.params['c1'][0].data *= constant
        each.params['f1'][0].data *= 300
    before, first = outputs(net, batches[0]), spread(net, batches)
    notes, measured = balance_and_measure(net, batches)
    assert_same_function(net, batches[0], before, 1e-3)
    assert measured['function_moved'] < 1e-3
    assert spread(net, batches) < first
    if measured['rates_apart'] > 1.02:
        assert any("LRN 'n1', which goes as far as the outputs allow" in note for note in notes)
    notes, measured = balance_and_measure(far, batches, allow_change=True)
    if measured['function_moved'] > 1e-3:
        assert any('as allowed' in note and "LRN 'n1'" in note for note in notes)
    assert spread(far, batches) < 1.02


def test_batch_norm_bounds_the_step_where_its_eps_matters():
    net = build(WITH_BATCH_NORM, dtype=np.float64)
    for param in net.params['c1']:
        param.data *= 0.03
    net.params['c2'][0].data *= 1e-4
    net.params['c2'][1].data *= 1e-4
    batches = samples(net)
    before = outputs(net, batches[0])
    for param in net.params['bn1'] + net.params['bn2']:
        param.data = 0
    notes, measured = balance_and_measure(net, batches)
    assert_same_function(net, batches[0], before, 1e-3)
    assert measured['function_moved'] < 1e-3
    assert any("BatchNorm 'bn" in note for note in notes)


@pytest.mark.parametrize('dropout', [False, True])
def test_outputs_that_move_are_seen_with_dropout_too(dropout):
    text = WITH_LRN.replace('alpha: 0.01', 'alpha: 1')
    text += layer('Dropout', 'drop', 'f2', 'f2')
    net = build(text, dtype=np.float64)
    net.params['f1'][0].data *= 300
    notes, measured = balance_and_measure(net, samples(net), dropout=dropout, allow_change=True)
    assert measured['function_moved'] > 1e-2
    assert any('as allowed' in note for note in notes)


def test_paper_stays_within_the_bound_too():
    """Where the first tolerance is too large, all ten rounds together come back."""
    text = WITH_LRN.replace('alpha: 0.01', 'alpha: 1')
    net = build(text, dtype=np.float64)
    for name in ('f1', 'f2'):
        net.params[name][0].data *= 300
    batches = samples(net)
    before, first = outputs(net, batches[0]), spread(net, batches)
    _, measured = balance_and_measure(net, batches, 'paper')
    assert_same_function(net, batches[0], before, 1e-3)
    assert measured['function_moved'] < 1e-3
    assert spread(net, batches) < first


@pytest.mark.parametrize('method', ['exact', 'paper'])
def test_outputs_moved_is_what_an_independent_pass_finds(method):
    net = build(WITH_LRN, dtype=np.float64)
    for param in net.params['f1']:
        param.data *= 100
    batches = samples(net)
    before = outputs(net, batches[0])
    _, measured = balance_and_measure(net, batches, method)
    after = outputs(net, batches[0])
    moved = abs(after['f2'] - before['f2']).max() / abs(before['f2']).max()
    assert measured['function_moved'] == pytest.approx(moved, rel=1e-6)
    assert moved < 1e-3


def test_the_first_of_many_batches_goes_most_of_the_way():
    net = build(WITH_LRN)
    for param in net.params['f1']:
        param.data *= 3
    batches, calls = samples(net, 8), []
    net.before_forward.append(calls.append)
    balance(net, batches, allow_change=True)
    passes = len(calls) / len(net.layers) - 2 * 8  # without the outputs before and after
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
        'after 2 rounds change rates still moved by' in note and "'n1' (--strict" in note
        for note in balance(net, samples(net), allow_change=True)
    )


# -- numbers at the edge


@pytest.mark.parametrize('zero', ['c2', 'f2'])
def test_zero_weights_do_not_count(zero):
    net, batches, before = unbalanced('chain')
    net.params[zero][0].data = 0
    before = outputs(net, batches[0])
    note = 'no gradient reaches its weights, or they are zero: its change rate does not count'
    assert f"layer '{zero}': {note}" in balance(net, batches)
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
