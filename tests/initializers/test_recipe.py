"""Recipes: which layers are chosen, where weights come from, what is said."""

from dataclasses import replace

import numpy as np
import pytest
from goodinit.initializers import (
    PRESETS,
    Recipe,
    initialize,
    measure,
)
from goodinit.initializers.recipe import NORMALIZE, WEIGHTS_FROM, choose, way_in
from goodinit.netlib.errors import DataError, NetError
from goodinit.proto.caffe_pb2 import TEST
from small_nets import (
    ALL,
    WITH_BATCH_NORM,
    build,
    conv,
    data,
    fc,
    outputs,
    pool,
    samples,
    shared,
)


def initialized(text, recipe, count=2, seed=0, phase=0):
    net = build(ALL.get(text, text), phase=phase)
    return net, initialize(net, samples(net, count), recipe, np.random.default_rng(seed))


def weights(net):
    return {param.name: param.data.copy() for param in net.all_params()}


@pytest.mark.parametrize('preset', sorted(set(PRESETS) - {'gradinit'}))  # it needs a loss
@pytest.mark.parametrize('name', ALL)
def test_every_preset_works_on_every_net(name, preset):
    net, _ = initialized(name, PRESETS[preset])
    assert all(np.isfinite(param.data).all() for param in net.all_params())
    for values in outputs(net, samples(net)[0]).values():
        assert np.isfinite(values).all() and values.std() > 0


@pytest.mark.parametrize('normalize', NORMALIZE)
@pytest.mark.parametrize('source', WEIGHTS_FROM)
def test_every_combination_works(source, normalize):
    net, _ = initialized('lrn', Recipe(source, normalize, 'exact', all_layers=True))
    assert all(np.isfinite(param.data).all() for param in net.all_params())


@pytest.mark.parametrize('preset', ['lsuv', 'kmeans', 'rand', 'scale_bias', 'msra'])
def test_same_seed_same_weights(preset):
    first, second, third = (
        weights(initialized('inception', PRESETS[preset], seed=seed)[0]) for seed in (3, 3, 4)
    )
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name])
    assert any((values != third[name]).any() for name, values in first.items())


# -- what a recipe holds


def test_options_are_keywords_and_have_defaults():
    recipe = Recipe('keep', 'lsuv', margin=0.1, memory=10**6)
    assert (recipe.margin, recipe.memory, recipe.max_trials) == (0.1, 10**6, 20)
    assert (recipe.target, recipe.beta, recipe.strict, recipe.all_layers) == (1, 0.1, False, False)


def test_a_part_is_replaced_and_the_options_stay():
    recipe = replace(Recipe('keep', 'lsuv', margin=0.1), between='exact', target=2)
    assert (recipe.normalize, recipe.between, recipe.margin) == ('lsuv', 'exact', 0.1)
    assert recipe.target == 2 and recipe == Recipe('keep', 'lsuv', 'exact', margin=0.1, target=2)


def test_a_recipe_as_a_dict():
    found = Recipe('pca', 'within', 'exact', layers='c', beta=0.3).as_dict()
    assert found == {
        'weights_from': 'pca',
        'normalize': 'within',
        'between': 'exact',
        'residual': 'none',
        'layers': 'c',
        'zero_last': False,
        'forget_bias': 1,
        'dropout': False,
        'memory': 500_000_000,
        'all_layers': False,
        'target': 1,
        'margin': 0.02,
        'max_trials': 20,
        'beta': 0.3,
        'strict': False,
        'allow_change': False,
        'rate': 0.1,
        'bound': 1.0,
        'iterations': 40,
    }


def test_unknown_options():
    with pytest.raises(
        TypeError, match="unexpected keyword argument 'margni'; did you mean 'margin'"
    ):
        Recipe('keep', 'lsuv', margni=0.1)
    with pytest.raises(AttributeError, match="Recipe has no 'betta'; did you mean 'beta'"):
        Recipe().betta  # noqa: B018
    with pytest.raises(AttributeError):
        Recipe().target = 3


# -- which layers


def chosen_names(net, **options):
    chosen, notes = choose(net, Recipe(**options))
    return [each.name for each in chosen], notes


def test_all_that_learn_are_chosen():
    assert chosen_names(build('unet')) == (['d1', 'd2', 'up', 'u', 'score'], [])


@pytest.mark.parametrize(
    'pattern, expected', [('^c', ['c1', 'c2']), ('1$', ['c1', 'f1']), ('f2|c1', ['c1', 'f2'])]
)
def test_layers_can_be_picked_by_name(pattern, expected):
    net = build('chain')
    assert chosen_names(net, layers=pattern)[0] == expected
    old = weights(net)
    initialize(
        net, samples(net), replace(PRESETS['lsuv'], layers=pattern), np.random.default_rng(0)
    )
    assert {
        name[:2] for name, values in weights(net).items() if (values != old[name]).any()
    } == set(expected)


def test_sharers_and_frozen_layers_are_left_out():
    assert chosen_names(build('siamese')) == (
        ['c1', 'feat', 'out'],
        [],  # c1_p and feat_p take turns with c1 and feat
    )
    text = data() + conv('c', 'data', 3, more='pad: 1', fields=shared('w', 'b'))
    deep = text + conv('d', 'c', 3, more='pad: 1', fields=shared('w', 'b'))
    said = (
        'shares its weights with c[0], where they are initialized: what reaches it here does not '
        'count, because it depends on their outputs'
    )
    assert chosen_names(build(deep)) == (['c'], [f"layer 'd': {said}"])
    net = build(data() + conv('c', 'data', 4, fields='param { lr_mult: 0 }') + fc('f', 'c', 3))
    assert chosen_names(net) == (
        ['f'],
        ["layer 'c': its weights do not learn (lr_mult: 0): left unchanged", way_in(['c'])],
    )
    old = weights(net)
    initialize(net, samples(net), PRESETS['kmeans'], np.random.default_rng(0))
    np.testing.assert_array_equal(net.params['c'][0].data, old['c[0]'])


def test_other_parameters_are_left_at_their_fillers():
    net = build(WITH_BATCH_NORM)
    old = weights(net)
    notes = initialize(net, samples(net), PRESETS['kmeans'], np.random.default_rng(0))
    assert "layer 's1': Scale parameters keep their fillers" in notes
    for name, values in weights(net).items():
        if name.startswith('s1'):
            np.testing.assert_array_equal(values, old[name])


@pytest.mark.parametrize(
    'text, options, message',
    [
        (
            data() + pool('p', 'data'),
            {},
            "net 'net' has nothing to initialize: no convolution or inner product that learns$",
        ),
        (
            'chain',
            {'layers': 'conv9'},
            "no convolution or inner product that learns has a name that 'conv9' matches",
        ),
        (
            'chain',
            {'layers': '('},
            r"layers: '\(' is not a regular expression: missing \), unterminated subpattern",
        ),
        (
            'chain',
            {'weights_from': 'orthonromal'},
            "weights_from: found 'orthonromal', needed: one of keep, filler, delta_orthogonal, "
            ".*did you mean 'orthonormal'?",
        ),
        ('chain', {'normalize': 'lsvu'}, "normalize: found 'lsvu', needed: one of none, lsuv"),
        ('chain', {'between': 'yes'}, "between: found 'yes', needed: one of none, exact, "),
    ],
)
def test_what_cannot_be_done(text, options, message):
    with pytest.raises(NetError, match=message):
        initialized(text, Recipe(**options))


# -- parts that go together


@pytest.mark.parametrize('between', ['exact', 'paper'])
def test_between_follows_within(between):
    net, _ = initialized('chain', Recipe('gaussian', 'within', between))
    rates = [row.change_rate for row in measure(net, samples(net, 2), np.random.default_rng(5))]
    spread = max(rates) / min(rates)
    assert spread < {'none': np.inf, 'exact': 1.5, 'paper': 2}[between]
    assert spread > {'none': 3, 'exact': 1, 'paper': 1}[between]


def test_zero_last():
    net, notes = initialized('inception', replace(PRESETS['lsuv'], zero_last=True))
    assert notes == ["layer 'f': a last layer, its weights are zero"]
    assert (
        not net.params['f'][0].data.any()
        and net.params['f'][1].data.any()
        and net.params['b'][0].data.any()
    )


def test_dropout_while_measuring():
    quiet, kept = (
        initialized('chain', replace(PRESETS['lsuv'], dropout=dropout)) for dropout in (False, True)
    )
    note = 'dropout is off while layers are measured (--dropout keeps it on)'
    assert quiet[1] == [note] and kept[1] == []
    assert (quiet[0].params['f1'][0].data == kept[0].params['f1'][0].data).all()
    assert (quiet[0].params['f2'][0].data != kept[0].params['f2'][0].data).any()
    assert initialized('chain', PRESETS['lsuv'], phase=TEST)[1] == []


def test_progress_hears_every_layer():
    net, heard = build('siamese'), []
    initialize(net, samples(net), PRESETS['lsuv'], np.random.default_rng(0), heard.append)
    assert sorted(heard) == sorted(net.layer_names)


# -- inputs


@pytest.mark.parametrize('preset', ['lsuv', 'kmeans', 'analytic'])
def test_nan_in_the_data(preset):
    net = build('chain')
    batches = samples(net, 2)
    batches[1]['data'][3, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match="input 'data': 1 of its 1800 values are not finite"):
        initialize(net, batches, PRESETS[preset], np.random.default_rng(0))


def test_options_that_exclude_each_other():
    recipe = Recipe('keep', 'none', 'exact', strict=True, allow_change=True)
    net = build('chain')
    with pytest.raises(NetError, match='allow_change and strict exclude each other: leave out'):
        initialize(net, samples(net), recipe, np.random.default_rng(0))
