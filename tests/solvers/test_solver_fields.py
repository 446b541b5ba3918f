"""The fields of a SolverParameter: what each does to rates, nets and reports, and what Caffe
refuses."""

import re

import numpy as np
import pytest
from goodinit.initializers import fill
from goodinit.netlib.errors import NetError, ProtoError, SolverError
from goodinit.proto import parse_solver
from goodinit.solvers import Clipped, Displayed, Solver, rate
from goodinit.solvers import events as happened
from goodinit.solvers.rates import next_step
from refusals import SOLVER_PHRASES, SOLVERS


@pytest.mark.parametrize('name', SOLVERS)
def test_what_caffe_refuses(name, tmp_path, monkeypatch):
    case = SOLVERS[name]
    monkeypatch.chdir(tmp_path)
    for file, text in (case['files'] | {'solver.prototxt': case['prototxt']}).items():
        (tmp_path / file).write_text(text)
    if name == 'solver_net_missing':  # Caffe misses the policy later, we before we look for the net
        (tmp_path / 'solver.prototxt').write_text(f'{case["prototxt"]} lr_policy: "fixed"')
    expected = ProtoError if case['source'] in ('io.cpp', 'upgrade_proto.cpp') else SolverError
    with pytest.raises(expected, match=re.escape(SOLVER_PHRASES[name])):
        Solver('solver.prototxt')


NET = """
layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: 3 dim: 4 }} }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "x" top: "y" {0}
         inner_product_param {{ num_output: 2 bias_term: false
                                weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "r" type: "Reduction" bottom: "y" top: "r" loss_weight: 0.5 }}
"""


def make(fields='', layer='', net='net_param', more='', **options):
    """A solver of a linear net, whose gradient is the same everywhere."""
    policy = '' if 'lr_policy' in fields else 'lr_policy: "fixed"'
    text = f'base_lr: 0.5 {policy} {fields} {net} {{ {NET.format(layer)} {more} }}'
    solver = Solver(parse_solver(text), **options)
    solver.net.blobs['x'].data = np.arange(12).reshape(3, 4) / 10
    return solver


# d(0.5 sum of y) / dW: the same row for each of the two outputs
GRADIENT = 0.5 * np.tile((np.arange(12).reshape(3, 4) / 10).sum(0), (2, 1))


@pytest.mark.parametrize(
    'fields, message',
    [
        (
            'lr_policy: "multi_step"',
            "Unknown learning rate policy: multi_step; did you mean 'multistep'?",
        ),
        ('lr_policy: "poly"', "lr_policy 'poly' needs max_iter > 0, found 0"),
        ('type: "RMSProp" rms_decay: 1', 'rms_decay should lie between 0 and 1. Found 1'),
        ('iter_size: 0', 'iter_size must be > 0, found 0'),
        ('average_loss: -1', 'average_loss must be > 0, found -1'),
        (
            'warmup_iter: 2 rampup_interval: 2',
            'warmup_iter and rampup_interval mean the same: give one of them',
        ),
        ('min_lr: -1', 'min_lr must be >= 0, found -1'),
        ('max_iter: -1', 'max_iter must be >= 0, found -1'),
        ('display: -1', 'display must be >= 0, found -1'),
        ('snapshot: -1', 'snapshot must be >= 0, found -1'),
        ('test_iter: -1 test_interval: 1', 'test_iter must be >= 0, found -1'),
        (
            'test_iter: 1 test_interval: 1 test_state {} test_state {}',
            'test_state must be unspecified or specified once per test net. Found 2 for 1',
        ),
        (
            'test_net: "x"',
            'test_iter must be specified for each test network. Found 0 test_iter for 1 test nets',
        ),
    ],
)
def test_fields_that_make_no_sense(fields, message):
    with pytest.raises(SolverError, match=re.escape(message)):
        make(fields)


def test_a_test_net_without_passes():
    """The usual way to get test_nets[0] for a script that feeds it itself."""
    events = []
    fields = 'test_iter: 0 test_interval: 1 max_iter: 2 test_compute_loss: true '
    fields += 'snapshot_after_train: false'
    solver = make(fields, report=events.append)
    solver.test_nets[0].before_forward.append(pytest.fail)
    solver.solve()
    tests = [event for event in events if isinstance(event, happened.Tested)]
    assert [(event.iter, event.outputs) for event in tests] == [(0, ()), (1, ()), (2, ())]


# -- rates


@pytest.mark.parametrize(
    'fields, expected',
    [
        ('lr_policy: "fixed"', [2, 2, 2, 2, 2, 2]),
        ('lr_policy: "step" gamma: 0.5 stepsize: 2', [2, 2, 1, 1, 0.5, 0.5]),
        ('lr_policy: "exp" gamma: 0.5', [2, 1, 0.5, 0.25, 0.125, 0.0625]),
        ('lr_policy: "inv" gamma: 1 power: 2', [2, 2 / 4, 2 / 9, 2 / 16, 2 / 25, 2 / 36]),
        ('lr_policy: "multistep" gamma: 0.5 stepvalue: 1 stepvalue: 4', [2, 1, 1, 1, 0.5, 0.5]),
        ('lr_policy: "multistep" gamma: 0.5 stepvalue: 1 stepvalue: 1', [2, 1, 0.5, 0.5, 0.5, 0.5]),
        ('lr_policy: "multistep" gamma: 0.5', [2, 2, 2, 2, 2, 2]),
        ('lr_policy: "poly" power: 2 max_iter: 4', [2, 2 * 9 / 16, 0.5, 2 / 16, 0, 0]),
        ('lr_policy: "sigmoid" gamma: 1 stepsize: 2', [2 / (1 + np.exp(2 - i)) for i in range(6)]),
        ('lr_policy: "sigmoid" gamma: 1000 stepsize: 3', [0, 0, 0, 1, 2, 2]),
        ('lr_policy: "fixed" warmup_iter: 4 warmup_start_lr: 1', [1, 1.25, 1.5, 1.75, 2, 2]),
        ('lr_policy: "exp" gamma: 0.5 warmup_iter: 2', [0, 1, 0.5, 0.25, 0.125, 0.0625]),
        ('lr_policy: "fixed" rampup_interval: 2 rampup_lr: 1', [1, 1.5, 2, 2, 2, 2]),
        ('lr_policy: "exp" gamma: 0.5 min_lr: 0.25', [2, 1, 0.5, 0.25, 0.25, 0.25]),
        ('lr_policy: "fixed" base_lr: -1', [-1] * 6),
        ('lr_policy: "poly" power: 1 max_iter: 4 min_lr: 1', [2, 1.75, 1.5, 1.25, 1, 1]),
        ('lr_policy: "fixed" warmup_iter: 2 min_lr: 0.5', [0.5, 1, 2, 2, 2, 2]),
    ],
)
def test_rates(fields, expected):
    param = parse_solver(fields if 'base_lr' in fields else f'base_lr: 2 {fields}')
    step, found = 0, []
    for i in range(len(expected)):
        step = next_step(param, i, step)
        found.append(rate(param, i, step))
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize(
    'fields',
    [
        'lr_policy: "exp" gamma: 1e30',
        'lr_policy: "inv" gamma: -1 power: 0.5',
        'lr_policy: "poly" max_iter: 100 power: -1',
    ],
)
def test_a_rate_that_is_no_number(fields):
    with pytest.raises(
        SolverError, match='gives no finite rate at iteration 100: base_lr 2, gamma '
    ):
        rate(parse_solver(fields if 'base_lr' in fields else f'base_lr: 2 {fields}'), 100)


def test_asking_for_the_rate_changes_nothing():
    solver = make('lr_policy: "multistep" gamma: 0.5 stepvalue: 0 stepvalue: 0')
    assert solver.lr == solver.lr == 0.25
    solver.step(1)
    assert solver.lr == solver.lr == 0.125


# -- one iteration


@pytest.mark.parametrize(
    'fields, layer, step',
    [
        ('', '', 0.5 * GRADIENT),
        ('iter_size: 3', '', 0.5 * GRADIENT),
        ('', 'param { lr_mult: 0.1 }', 0.05 * GRADIENT),
        ('', 'param { lr_mult: 0 }', 0 * GRADIENT),
        ('weight_decay: 0.1', '', 0.5 * (GRADIENT + 0.1)),
        ('weight_decay: 0.1', 'param { decay_mult: 3 }', 0.5 * (GRADIENT + 0.3)),
        # clipped is the sum over iter_size passes, before it is averaged and before the decay is
        # added
        (
            'clip_gradients: 0.01 iter_size: 2 weight_decay: 0.1',
            '',
            0.5 * (0.01 * GRADIENT / np.linalg.norm(GRADIENT) / 2 + 0.1),
        ),
    ],
)
def test_one_step(fields, layer, step, engine):
    events = []
    solver = make(fields, layer, engine=engine, report=events.append)
    solver.net.params['ip'][0].data = 1
    solver.step(1)
    np.testing.assert_allclose(solver.net.params['ip'][0].data, 1 - step, rtol=1e-6)
    norms = [event.norm for event in events if isinstance(event, Clipped)]
    np.testing.assert_allclose(
        norms, [2 * np.linalg.norm(GRADIENT)] if 'clip' in fields else [], rtol=1e-6
    )


def test_l1_leaves_zero_alone():
    solver = make('weight_decay: 0.1 regularization_type: "L1"')
    solver.net.blobs['x'].data = 0
    solver.net.params['ip'][0].data = [[2, -2, 0, 1], [0, 0, 0, 0]]
    solver.step(1)
    np.testing.assert_allclose(
        solver.net.params['ip'][0].data, [[1.95, -1.95, 0, 0.95], [0, 0, 0, 0]], rtol=1e-6
    )


def test_the_mean_loss_starts_anew_with_each_call_of_step():
    losses = []

    def report(event):
        if isinstance(event, Displayed):
            losses.append(event.loss)

    solver = make('average_loss: 2 display: 1', report=report)
    solver.net.params['ip'][0].data = 1
    first = float(0.5 * 2 * solver.net.blobs['x'].data.sum())
    fall = float(0.5 * (GRADIENT**2).sum())  # the loss is linear: what each step takes off it
    solver.step(3)
    solver.step(1)
    np.testing.assert_allclose(
        losses, [first, first - 0.5 * fall, first - 1.5 * fall, first - 3 * fall], rtol=1e-6
    )


# -- nets

STAGED = 'layer { name: "s" type: "Silence" bottom: "x" include { stage: "extra" } }'


def test_states_choose_the_layers():
    solver = make(
        'train_state { stage: "extra" } test_iter: 1 test_iter: 1 test_interval: 1 test_state {} '
        'test_state { stage: "extra" }',
        more=STAGED,
    )
    assert ['s' in net.layer_names for net in (solver.net, *solver.test_nets)] == [
        True,
        False,
        True,
    ]
    assert [net.phase for net in (solver.net, *solver.test_nets)] == [0, 1, 1]


def test_test_nets_use_the_trained_weights():
    events = []
    solver = make('test_iter: 2 test_interval: 1 test_compute_loss: true', report=events.append)
    test = solver.test_nets[0]
    test.blobs['x'].data = 1
    solver.net.params['ip'][0].data = 1
    outputs = [
        [event.loss, event.outputs[0].values, event.outputs[0].loss_weight]
        for event in solver.test()
    ]
    assert outputs == [[12, 24, 0.5]]
    solver.step(1)
    np.testing.assert_array_equal(test.params['ip'][0].data, solver.net.params['ip'][0].data)
    assert (test.params['ip'][0].data < 1).any()
    assert len(events) == 2


@pytest.mark.parametrize('fields, tests', [('', [0, 2, 4]), ('test_initialization: false', [2, 4])])
def test_when_it_tests(fields, tests):
    events = []
    solver = make(
        f'test_iter: 1 test_interval: 2 max_iter: 4 snapshot_after_train: false {fields}',
        report=events.append,
    )
    solver.solve()
    assert [event.iter for event in events] == tests


def test_test_nets_of_their_own_come_first():
    own = f'test_net_param {{ {NET.format("")} name: "own" }}'
    solver = make(f'test_iter: 1 test_iter: 1 test_interval: 1 {own}', more='name: "shared"')
    assert [net.name for net in solver.test_nets] == ['own', 'shared']


def test_a_test_net_that_does_not_fit():
    other = f'test_net_param {{ {NET.format("").replace("num_output: 2", "num_output: 3")} }}'
    message = (
        "Cannot share param weights from layer 'ip'; shape mismatch. The train net's are 2 4 "
        "(8); the test net's are 3 4 (12)"
    )
    with pytest.raises(NetError, match=re.escape(message)):
        make(f'test_iter: 1 test_interval: 1 {other}', net='train_net_param')


def test_fill_and_seed():
    def filled(seed):
        return make('random_seed: 3', fill=lambda net: fill(net, np.random.default_rng(seed))).net

    assert filled(1).params['ip'][0].data.any() and make().net.params['ip'][0].data.any()
    np.testing.assert_array_equal(filled(1).params['ip'][0].data, filled(1).params['ip'][0].data)
    assert filled(1).seed == 3 and make('random_seed: 3', seed=4).net.seed == 4


def test_weights_from_several_files(tmp_path):
    source = make()
    source.net.params['ip'][0].data = 7
    source.net.save(tmp_path / 'a')
    source.net.params['ip'][0].data = 8
    source.net.save(tmp_path / 'b')
    solver = make(f'weights: "{tmp_path / "a"}, {tmp_path / "b"}"')
    assert (solver.net.params['ip'][0].data == 8).all()
