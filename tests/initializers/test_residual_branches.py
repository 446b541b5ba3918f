"""What counts as a residual branch, in any net."""

import re

import numpy as np
import pytest
from goodinit.initializers import Recipe, initialize
from goodinit.initializers.reach import affine_layers
from residual_nets import batch_norm, block, scale
from small_nets import build, conv, data, fc, layer, relu, samples


def touched(text, rule='zero'):
    """The layers whose weights `rule` makes zero, and the notes."""
    net = build(text)
    recipe = Recipe(normalize='none', residual=rule)
    notes = initialize(net, samples(net), recipe, np.random.default_rng(0))
    zeros = [each.name for each in affine_layers(net) if not each.weight.data.any()]
    return zeros, notes


HEAD = data('8 3 12 12') + conv('c', 'data', 8)
CONCATENATED = (
    HEAD
    + conv('a', 'c', 3, 1)
    + conv('b', 'c', 5, 1)
    + relu('b')
    + layer('Concat', 'both', 'a b')
    + layer('Dropout', 'drop', 'both', 'both')
    + layer('Eltwise', 'sum', 'c both')
)
THREE = HEAD + ''.join(conv(name, 'c', 8, 1) for name in 'ab') + layer('Eltwise', 'sum', 'c a b')
NESTED = (
    HEAD
    + conv('p', 'c', 8, 1)
    + block('inner', 'p', 8)
    + conv('q', 'inner', 8, 1)
    + layer('Eltwise', 'sum', 'c q')
)
SCALED = HEAD + conv('a', 'c', 8, 1) + scale('a', shift=False) + layer('Eltwise', 'sum', 'c a')
SHORT = HEAD + conv('a', 'c', 8, 3, 'pad: 1') + conv('p', 'c', 8, 1) + layer('Eltwise', 's', 'a p')


@pytest.mark.parametrize(
    'text, expected',
    [
        (CONCATENATED, ['a', 'b']),
        (THREE, ['a', 'b']),
        (NESTED, ['innerb', 'q']),
        (SCALED, ['a']),
        (SHORT, ['a']),
    ],
    ids=['concat', 'three', 'nested', 'scaled', 'short'],
)
def test_branches_of_any_net(text, expected):
    assert touched(text)[0] == expected


TWINS = HEAD + conv('a', 'c', 8, 1) + conv('b', 'c', 8, 1) + layer('Eltwise', 's', 'a b')
STRANGERS = (
    data('8 3 12 12')
    + data('8 3 12 12', 'more')
    + conv('a', 'data', 8)
    + conv('b', 'more', 8)
    + conv('d', 'b', 8, more='pad: 1')
    + layer('Eltwise', 's', 'a d')
)
LARGEST = HEAD + conv('a', 'c', 8, 1) + layer('Eltwise', 's', 'c a', fields='eltwise_param {%s}')
UNEQUAL = 'coeff: 1 coeff: -1'


@pytest.mark.parametrize(
    'text', [TWINS, STRANGERS, LARGEST % 'operation: MAX', LARGEST % UNEQUAL, 'chain']
)
def test_what_is_no_residual_branch(text):
    zeros, notes = touched(text)
    assert not zeros and 'residual: zero: the net has no residual branches' in notes


READ = HEAD + conv('a', 'c', 8, 1) + layer('Eltwise', 's', 'c a') + fc('f', 'a', 5)
SQUASHED = HEAD + conv('a', 'c', 8, 1) + layer('TanH', 't', 'a') + layer('Eltwise', 's', 'c t')
NORMALIZED = HEAD + conv('a', 'c', 8, 1) + batch_norm('a') + layer('Eltwise', 's', 'c a')


@pytest.mark.parametrize('text', [READ, SQUASHED, NORMALIZED])
@pytest.mark.parametrize('rule', ['zero', 'fixup', 'balanced'])
def test_a_branch_without_a_scale_of_its_own_is_said(text, rule):
    zeros, notes = touched(text, rule)
    reason = 'stays as it is: no layer with weights sets the scale of this bottom alone'
    assert not zeros and any(re.match(rf"layer 's': .* {reason}", note) for note in notes)
