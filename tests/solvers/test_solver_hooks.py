"""What looks into training from outside: callbacks, updates by hand, shared weights, and what is
said of numbers that are not finite."""

import re

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.netlib.errors import NetError, SolverError
from goodinit.proto import parse_net, parse_solver
from goodinit.solvers import Displayed, NotFinite, Solver

NET = """
layer {{ name: "x" type: "Input" top: "x" top: "target"
         input_param {{ shape {{ dim: 2 dim: 3 }} shape {{ dim: 2 dim: 2 }} }} }}
layer {{ name: "a" type: "InnerProduct" bottom: "x" top: "a"
        inner_product_param {{ num_output: 4 }} }}
layer {{ name: "r" type: "{0}" bottom: "a" top: "a" }}
layer {{ name: "b" type: "InnerProduct" bottom: "a" top: "b"
        inner_product_param {{ num_output: 2 }} }}
layer {{ name: "loss" type: "EuclideanLoss" bottom: "b" bottom: "target" top: "loss" }}
"""


def make(fields='', between='TanH', value=1.0, **options):
    text = f'base_lr: 0.1 lr_policy: "fixed" {fields} net_param {{ {NET.format(between)} }}'
    solver = Solver(parse_solver(text), **options)
    rng = np.random.default_rng(0)
    for param in solver.learnable:
        param.data = rng.normal(size=param.shape)
    solver.net.blobs['x'].data, solver.net.blobs['target'].data = value * rng.normal(size=(2, 3)), 1
    return solver


def test_callbacks_stand_around_the_gradients():
    seen, solver = [], make('iter_size: 2')
    weight = solver.learnable[0]

    def watch(name):
        return lambda: seen.append((name, solver.iter, bool(weight.diff.any()), weight.data.copy()))

    solver.callbacks += [
        (watch('start'), watch('ready')),
        (watch('second start'), watch('second ready')),
    ]
    solver.step(2)
    assert [entry[:3] for entry in seen] == [
        (name, i, 'ready' in name)
        for i in (0, 1)
        for name in ('start', 'second start', 'ready', 'second ready')
    ]
    np.testing.assert_array_equal(seen[0][3], seen[3][3])
    assert (seen[3][3] != seen[4][3]).any()


def test_a_callback_may_change_the_gradients():
    solver = make()
    before = [param.data.copy() for param in solver.learnable]

    def ones():
        for param in solver.learnable:
            param.diff = 1

    solver.callbacks.append((lambda: None, ones))
    solver.step(1)
    for param, values in zip(solver.learnable, before, strict=True):
        np.testing.assert_allclose(param.data, values - 0.1, rtol=1e-5)


def test_updates_by_hand():
    """What pycaffe's apply_update does with gradients that the caller put in place."""
    stepped, by_hand = make('momentum: 0.9'), make('momentum: 0.9')
    stepped.step(3)
    for _ in range(3):
        by_hand.net.clear_param_diffs()
        by_hand.net.forward()
        by_hand.net.backward()
        by_hand.apply_update()
    assert by_hand.iter == 3
    for ours, theirs in zip(by_hand.learnable, stepped.learnable, strict=True):
        np.testing.assert_array_equal(ours.data, theirs.data)


def test_another_net_may_use_the_weights():
    solver, other = make(), Net(parse_net(NET.format('TanH')))
    solver.share_weights(other)
    solver.step(1)
    np.testing.assert_array_equal(other.params['a'][0].data, solver.net.params['a'][0].data)
    with pytest.raises(NetError, match="Cannot share param weights from layer 'a'; shape mismatch"):
        solver.share_weights(
            Net(parse_net(NET.format('TanH').replace('num_output: 4', 'num_output: 5')))
        )


# -- numbers that are not finite


def spoiled(name, k, value=np.nan, **arguments):
    """A solver with one bad number in a parameter."""
    solver = make(**arguments)
    solver.net.params[name][k].data[..., -1] = value
    return solver


ADVICE = (
    'Try a lower base_lr (now 0.1), clip_gradients, or weights initialized from data (--init lsuv)'
)
FOUND = [
    (lambda **a: make(value=np.inf, **a), "top blob 'x' of layer 'x' (Input)"),
    (lambda **a: spoiled('b', 0, **a), "parameter blob 0 of layer 'b' (InnerProduct)"),
    (
        lambda **a: spoiled('a', 1, np.inf, between='ReLU', **a),
        "parameter blob 1 of layer 'a' (InnerProduct)",
    ),
    (lambda **a: spoiled('b', 1, 1e30, **a), "top blob 'loss' of layer 'loss' (EuclideanLoss)"),
    (
        lambda **a: spoiled('a', 1, 1e3, between='Exp', **a),
        "top blob 'a' of layer 'a' (InnerProduct)",
    ),
]


@pytest.mark.parametrize('make_bad, where', FOUND)
def test_training_stops_and_says_where_it_began(make_bad, where):
    with pytest.raises(
        SolverError,
        match=rf'iteration 0: the loss is (nan|inf); the first that is not finite: '
        rf'{re.escape(where)}\. {re.escape(ADVICE)}',
    ):
        make_bad(on_nan='stop').step(1)


def test_a_gradient_that_clipping_measures():
    """The loss is finite and its gradient is not; backward meets the upper layer first."""
    solver = make('clip_gradients: 5', on_nan='stop')
    solver.callbacks.append(
        (lambda: None, lambda: [setattr(param, 'diff', np.inf) for param in solver.learnable])
    )
    message = (
        'iteration 0: the norm of the gradients is inf; the first that is not finite: the '
        "gradient of parameter blob 0 of layer 'b' (InnerProduct). Try a lower base_lr (now 0.1), "
        'or weights initialized'
    )
    with pytest.raises(SolverError, match=re.escape(message)):
        solver.step(1)


def test_warning_once_and_going_on():
    events = []
    solver = spoiled('a', 0, on_nan='warn', report=events.append)
    solver.step(3)
    assert solver.iter == 3
    assert [(event.iter, event.message.split(';')[0]) for event in events] == [
        (0, 'iteration 0: the loss is nan')
    ]
    assert isinstance(events[0], NotFinite)


def test_without_a_word_as_in_caffe():
    events = []
    spoiled('a', 0, fields='display: 1', report=lambda event: events.append(event)).step(2)
    assert [np.isnan(event.loss) for event in events if isinstance(event, Displayed)] == [
        True,
        True,
    ]


def test_no_snapshot_of_what_is_not_finite(tmp_path):
    for on_nan in ('stop', 'warn', None):
        solver = spoiled('b', 1, fields=f'snapshot_prefix: "{tmp_path}/x"', on_nan=on_nan)
        if on_nan == 'stop':
            message = (
                "iteration 0: parameter blob 1 of layer 'b' (InnerProduct) contains numbers that "
                'are not finite, so no snapshot is written. Try a lower'
            )
            with pytest.raises(SolverError, match=re.escape(message)):
                solver.snapshot()
            assert not list(tmp_path.iterdir())
        else:
            solver.snapshot()
