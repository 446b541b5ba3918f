"""Layers that are said never to learn do not, in training; all others do."""

import numpy as np
import pytest
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.netlib.never_learning import never_learning, never_learning_notes
from goodinit.proto import parse_solver
from goodinit.solvers import Solver

GAUSSIAN = 'weight_filler { type: "gaussian" std: 0.3 }'
ZEROS = 'weight_filler { type: "constant" }'
BIAS = 'bias_filler { type: "constant" value: 0.1 }'
RELU = 'layer {{ name: "{0}r" type: "ReLU" bottom: "{0}" top: "{0}" }}'


def ip(name, bottom, fields='', outputs=3, relu=True, extra=''):
    text = (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}" {extra} '
        f'inner_product_param {{ num_output: {outputs} {fields} }} }}'
    )
    return text + (RELU.format(name) if relu else '')


def between(kind, name, fields=''):
    return f'layer {{ name: "{kind}" type: "{kind}" bottom: "{name}" top: "{name}" {fields} }}'


TWO = ip('c1', 'x') + ip('ip', 'c1', relu=False)
CASES = {
    'both': (TWO, ['c1', 'ip']),
    'zeros by name': (ip('c1', 'x', ZEROS) + ip('ip', 'c1', relu=False), ['c1', 'ip']),
    'without a ReLU': (ip('c1', 'x', relu=False) + ip('ip', 'c1', relu=False), ['c1', 'ip']),
    'only the last': (ip('c1', 'x', GAUSSIAN) + ip('ip', 'c1', relu=False), []),
    'only the first, behind a ReLU': (ip('c1', 'x') + ip('ip', 'c1', GAUSSIAN, relu=False), ['c1']),
    'only the first, linear': (
        ip('c1', 'x', relu=False) + ip('ip', 'c1', GAUSSIAN, relu=False),
        [],
    ),
    'a bias wakes the upper one': (ip('c1', 'x', BIAS) + ip('ip', 'c1', relu=False), []),
    'a sigmoid is not zero': (
        ip('c1', 'x', relu=False) + between('Sigmoid', 'c1') + ip('ip', 'c1', relu=False),
        [],
    ),
    'batch norm and scale keep zeros': (
        ip('c1', 'x', relu=False)
        + between('BatchNorm', 'c1')
        + between('Scale', 'c1', 'scale_param { bias_term: true }')
        + RELU.format('c1')
        + ip('ip', 'c1', GAUSSIAN, relu=False),
        ['c1'],
    ),
    'three': (ip('a', 'x') + ip('b', 'a') + ip('ip', 'b', relu=False), ['a', 'b', 'ip']),
    'a gaussian one between': (
        ip('a', 'x') + ip('b', 'a', GAUSSIAN) + ip('ip', 'b', relu=False),
        ['a', 'ip'],
    ),
    'another way around': (
        ip('a', 'x')
        + ip('b', 'x', GAUSSIAN)
        + 'layer { name: "sum" type: "Eltwise" bottom: "a" bottom: "b" top: "s" }'
        + ip('ip', 's', relu=False),
        ['a'],
    ),
    'frozen on purpose': (
        ip('c1', 'x', extra='param { lr_mult: 0 } param { lr_mult: 0 }')
        + ip('ip', 'c1', relu=False),
        ['ip'],
    ),
}


def solver(text, steps=12):
    data = (
        'layer { name: "x" type: "DummyData" top: "x" top: "y" dummy_data_param { '
        'shape { dim: 6 dim: 4 } shape { dim: 6 dim: 3 } data_filler { type: "gaussian" std: 1 } '
        'data_filler { type: "gaussian" std: 1 } } }'
    )
    loss = 'layer { name: "loss" type: "EuclideanLoss" bottom: "ip" bottom: "y" }'
    fields = f"base_lr: 0.05 lr_policy: 'fixed' max_iter: {steps} random_seed: 1"
    net = f'net_param {{ {data}{text}{loss} }}'
    return Solver(parse_solver(f'{fields} snapshot_after_train: false {net}'))


@pytest.mark.filterwarnings('ignore:layer')
@pytest.mark.parametrize('name', CASES)
def test_those_and_only_those_keep_zero_weights(name):
    text, expected = CASES[name]
    trained = solver(text)
    net = trained.net
    assert [layer.name for layer in never_learning(net)] == expected
    trained.solve()
    still = []
    for layer in net.layers:
        learns = layer.type == 'InnerProduct' and layer.weight.learns
        if learns and not layer.weight.data.any():
            still.append(layer.name)
    assert still == expected


def test_a_net_that_is_not_filled_yet_is_judged_by_its_fillers():
    net = Net(solver(ip('c1', 'x', GAUSSIAN) + ip('ip', 'c1', relu=False)).net.param)
    assert never_learning(net) == []
    net = Net(solver(TWO).net.param)
    assert len(never_learning(net)) == 2
    fill(net, np.random.default_rng(0))
    assert len(never_learning(net)) == 2
    net.params['ip'][0].data = 1
    assert [layer.name for layer in never_learning(net)] == ['c1']


def test_the_sentences():
    net = solver(TWO).net
    assert never_learning_notes(never_learning(net)) == [
        'layers c1, ip have no weight_filler: their weights are 0 and never learn'
    ]
    net = solver(ip('c1', 'x', ZEROS) + ip('ip', 'c1', relu=False)).net
    assert never_learning_notes(never_learning(net)) == [
        'layer c1 has a weight_filler of zeros: its weights are 0 and never learn',
        'layer ip has no weight_filler: its weights are 0 and never learn',
    ]
