"""A step of an update rule whose ops are run again gives the bits of one that is taken anew."""

import numpy as np
import pytest
from goodinit.netlib.engines import make_engine
from goodinit.proto import parse_solver
from goodinit.solvers import Solver
from goodinit.solvers.rules import RULES

SOLVER = """type: "%s" base_lr: 0.1 lr_policy: "step" gamma: 0.5 stepsize: 5 %s
snapshot_after_train: false net_param {
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 4 dim: 3 } } }
layer { name: "y" type: "Input" top: "y" input_param { shape { dim: 4 dim: 2 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "z" param { lr_mult: 1 }
  param { lr_mult: 2 decay_mult: 0 } inner_product_param { num_output: 2
  weight_filler { type: "xavier" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "z" bottom: "y" top: "loss" } }
"""
FIELDS = {'SGD': 'momentum: 0.9', 'Nesterov': 'momentum: 0.9', 'Adam': 'momentum: 0.9'}


@pytest.fixture(params=['fast', pytest.param('cuda', marks=pytest.mark.cuda)])
def name(request):
    """The name of an engine that records."""
    if request.param == 'cuda':
        request.getfixturevalue('cuda_device')
    return request.param


def trained(name, type, records, change=lambda solver, i: None):
    """The parameters after each iteration."""
    engine = make_engine(name)
    engine.can_record = engine.can_record and records
    fields = f'weight_decay: 0.01 {FIELDS.get(type, "")}'
    if type == 'AdaDelta':
        fields += ' momentum: 0.95 delta: 1e-6'
    solver = Solver(parse_solver(SOLVER % (type, fields)), engine=engine, seed=1)
    rng = np.random.default_rng(0)
    found = []
    for i in range(12):
        change(solver, i)
        solver.net.blobs['x'].data = rng.normal(size=(4, 3))
        solver.net.blobs['y'].data = rng.normal(size=(4, 2))
        solver.step(1)
        found += [param.data.copy() for param in solver.learnable]
    assert bool(solver.update.last) == engine.can_record
    return found


def assert_same(one, other):
    for recorded, anew in zip(one, other, strict=True):
        np.testing.assert_array_equal(recorded, anew)


@pytest.mark.parametrize('type', RULES)
def test_rules(type, name):
    assert_same(trained(name, type, True), trained(name, type, False))


def test_settings_that_change(name):
    def change(solver, i):
        if i == 3:
            solver.param.momentum = 0.5
        if i == 5:
            solver.learnable[0].lr_mult = 3
        if i == 8:
            solver.learnable[0].free()

    assert_same(trained(name, 'SGD', True, change), trained(name, 'SGD', False, change))
