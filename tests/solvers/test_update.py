"""One update by itself: where the parameters lie, and that it makes no difference."""

import numpy as np
import pytest
from goodinit.netlib import Net
from goodinit.proto import parse_net, parse_solver
from goodinit.solvers import RULES
from goodinit.solvers.update import Update

NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "a" type: "InnerProduct" bottom: "x" top: "a" inner_product_param { num_output: 4 }
        param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 } }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" inner_product_param { num_output: 2 }
        param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 } }
"""


def make(type, engine):
    """An Update of four parameters with random values, gradients and histories."""
    net = Net(parse_net(NET), engine=engine)
    momentum = 'momentum: 0.9' if RULES[type].takes_momentum else ''
    solver = parse_solver(f'type: "{type}" {momentum} weight_decay: 0.1 rms_decay: 0.9')
    update = Update(RULES[type](net.engine, solver), net.all_params())
    rng = np.random.default_rng(0)
    for param in update.params:
        param.data = rng.normal(size=param.shape)
        param.diff = rng.normal(size=param.shape)
    for blob in update.history:
        blob.data = rng.uniform(size=blob.shape)
    return update


def memories(update):
    tensors = [blob.values for blob in (*update.params, *update.history)]
    tensors += [param.diffs for param in update.params]
    return [tensor.memory for tensor in tensors]


def numbers(update):
    return [blob.data.copy() for blob in (*update.params, *update.history)]


def test_building_one_moves_nothing(engine):
    update = make('Adam', engine)
    assert all(memory.whole is None for memory in memories(update))
    before = numbers(update)
    update.lay_side_by_side()
    assert all(memory.whole is not None for memory in memories(update))
    for ours, theirs in zip(numbers(update), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize('type', RULES)
def test_the_same_bits_side_by_side(type, engine):
    apart, together = (make(type, engine) for _ in range(2))
    together.lay_side_by_side()
    for t in (1, 2):
        for update in (apart, together):
            update(0.1, t)
    for ours, theirs in zip(numbers(together), numbers(apart), strict=True):
        np.testing.assert_array_equal(ours, theirs)
