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
