"""Between-layer normalization across LRN and BatchNorm, which are homogeneous only nearly."""

import numpy as np
import pytest
from scaled_nets import (
    assert_same_function,
    balance,
    balance_and_measure,
    spread,
    unbalanced,
)
from small_nets import (
    WITH_BATCH_NORM,
    WITH_LRN,
    build,
    layer,
    outputs,
    samples,
)


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
