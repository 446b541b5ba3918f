"""Layers whose weights are as they are on purpose: left alone unless they are named."""

import numpy as np
import pytest
from goodinit.initializers import PRESETS, Recipe, initialize
from goodinit.initializers.reach import branch_ends, last_layers
from small_nets import build, conv, data, fc, layer, relu, samples

FROZEN = 'param { lr_mult: 0 }'
ZERO = 'weight_filler { type: "constant" value: 0 }'


def up(name, bottom, stride, fields=''):
    """A Deconvolution that begins as bilinear interpolation."""
    more = f'stride: {stride} group: 4 bias_term: false weight_filler {{ type: "bilinear" }}'
    p = f'convolution_param {{ num_output: 4 kernel_size: {2 * stride} {more} }}'
    return layer('Deconvolution', name, bottom, fields=f'{p} {fields}')


FCN = (
    data('6 3 16 16')
    + conv('c1', 'data', 8, more='pad: 1 stride: 2')
    + relu('c1')
    + conv('c2', 'c1', 8, more='pad: 1 stride: 2')
    + relu('c2')
    + conv('score2', 'c2', 4, 1)
    + up('up2', 'score2', 2)
    + conv('score1', 'c1', 4, 1)
    + layer('Crop', 'crop', 'up2 score1', fields='crop_param { axis: 2 offset: 0 }')
    + layer('Eltwise', 'sum', 'crop score1')
    + up('up4', 'sum', 2, FROZEN)
)


def residual(filler=ZERO, fields=''):
    end = f'convolution_param {{ num_output: 6 kernel_size: 3 pad: 1 {filler} }} {fields}'
    return (
        data('6 3 8 8')
        + conv('c', 'data', 6, more='pad: 1')
        + conv('a', 'c', 6, more='pad: 1')
        + relu('a')
        + layer('Convolution', 'b', 'a', fields=end)
        + layer('Eltwise', 'sum', 'c b')
        + conv('d', 'sum', 6, more='pad: 1')
        + fc('f', 'd', 3)
    )


def changed(text, recipe):
    """The names of the layers whose weights change, and the notes."""
    net = build(text)
    before = {name: params[0].data.copy() for name, params in net.params.items()}
    notes = initialize(net, samples(net), recipe, np.random.default_rng(0))
    names = []
    for name, old in before.items():
        if not np.array_equal(net.params[name][0].data, old):
            names.append(name)
    return names, notes


@pytest.mark.parametrize('preset', ['lsuv', 'kmeans', 'xavier', 'scale'])
def test_interpolations_stay(preset):
    names, notes = changed(FCN, PRESETS[preset])
    assert names == ['c1', 'c2', 'score2', 'score1']
    assert "layer 'up2': its filler is bilinear interpolation: left unchanged" in notes
    assert "layer 'up4': its weights do not learn (lr_mult: 0): left unchanged" in notes
    assert (
        "left unchanged on purpose: up2, up4 (--layers '^(up2|up4)$' initializes these alone, "
        '--layers . every layer)'
    ) in notes


@pytest.mark.parametrize(
    'layers, expected',
    [
        ('^(up2|up4)$', ['up2', 'up4']),
        ('.', ['c1', 'c2', 'score2', 'up2', 'score1', 'up4']),
        ('up', ['up2', 'up4']),
        ('score', ['score2', 'score1']),
    ],
)
@pytest.mark.parametrize('between', ['none', 'exact'])
def test_who_is_named_is_initialized(layers, expected, between):
    names, notes = changed(FCN, Recipe('orthonormal', 'lsuv', between, layers=layers))
    assert names == expected
    left = [name for name in ('up2', 'up4') if name not in expected]
    assert any('on purpose' in note for note in notes) == bool(left)


def test_branches_that_begin_with_zero_stay():
    names, notes = changed(residual(), PRESETS['lsuv'])
    assert names == ['c', 'a', 'd', 'f']
    assert "layer 'b': its filler lets a branch begin with zero: left unchanged" in notes
    names, _ = changed(residual(), Recipe('orthonormal', 'lsuv', layers='b'))
    assert names == ['b']


@pytest.mark.parametrize('filler', ['', 'weight_filler { type: "xavier" }', 'weight_filler { }'])
def test_other_ends_of_branches_are_initialized(filler):
    names, notes = changed(residual(filler), PRESETS['lsuv'])
    assert 'b' in names and not any('on purpose' in note for note in notes)


def test_zeros_that_no_sum_reads_are_initialized():
    text = residual().replace('"sum" type: "Eltwise"', '"sum" type: "Concat"')
    assert 'b' in changed(text, PRESETS['lsuv'])[0]
    product = residual().replace('type: "Eltwise"', 'type: "Eltwise" eltwise_param {operation: 0}')
    assert 'b' in changed(product, PRESETS['lsuv'])[0]


def test_zeros_that_training_has_changed_are_kept_and_rescaled():
    net = build(residual())
    net.params['b'][0].data = np.random.default_rng(3).standard_normal((6, 6, 3, 3))
    notes = initialize(net, samples(net), Recipe('keep', 'lsuv'), np.random.default_rng(0))
    assert not any('on purpose' in note for note in notes)


def test_the_ends_of_branches():
    assert {each.name for each in branch_ends(build(residual()))} == {'c', 'b'}
    assert {each.name for each in branch_ends(build(FCN))} == {'up2', 'score1'}
    assert branch_ends(build('chain')) == set()


def test_the_last_layers_that_learn_scores():
    assert [each.name for each in last_layers(build(FCN))] == ['score2', 'score1']
    frozen = residual(fields='').replace('name: "f"', f'name: "f" {FROZEN}')
    assert [each.name for each in last_layers(build(frozen))] == ['d']


@pytest.mark.parametrize('layers', ['', '.'])
def test_zero_last_never_zeroes_an_interpolation(layers):
    net = build(FCN)
    recipe = Recipe('msra', 'none', layers=layers, zero_last=True)
    initialize(net, samples(net), recipe, np.random.default_rng(0))
    zero = [name for name, params in net.params.items() if not params[0].data.any()]
    assert zero == ['score2', 'score1']
