"""Recipes: which layers are chosen, where weights come from, what is said."""

import re
from dataclasses import replace

import numpy as np
import pytest
from goodinit.initializers import (
    PRESETS,
    Recipe,
    fill_array,
    initialize,
    measure,
    names,
    orthonormal,
)
from goodinit.initializers.reach import first_layers, last_layers
from goodinit.initializers.recipe import BETWEEN, NORMALIZE, WEIGHTS_FROM, choose
from goodinit.netlib.errors import DataError, NetError
from goodinit.proto.caffe_pb2 import TEST, FillerParameter
from small_nets import (
    NETS,
    WITH_BATCH_NORM,
    WITH_LRN,
    build,
    conv,
    data,
    fc,
    layer,
    outputs,
    pool,
    relu,
    samples,
)

ALL = {**NETS, 'lrn': WITH_LRN, 'batch_norm': WITH_BATCH_NORM}


def initialized(text, recipe, count=2, seed=0, phase=0):
    net = build(ALL.get(text, text), phase=phase)
    return net, initialize(net, samples(net, count), recipe, np.random.default_rng(seed))


def weights(net):
    return {param.name: param.data.copy() for param in net.all_params()}


@pytest.mark.parametrize('preset', PRESETS)
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
        [
            "layer 'c1_p': shares its weights with c1[0], where they are initialized",
            "layer 'feat_p': shares its weights with feat[0], where they are initialized",
        ],
    )
    net = build(data() + conv('c', 'data', 4, fields='param { lr_mult: 0 }') + fc('f', 'c', 3))
    assert chosen_names(net) == (
        ['f'],
        ["layer 'c': its weights do not learn (lr_mult: 0): left as they are"],
    )
    old = weights(net)
    initialize(net, samples(net), PRESETS['kmeans'], np.random.default_rng(0))
    np.testing.assert_array_equal(net.params['c'][0].data, old['c[0]'])


def test_other_parameters_are_left_at_their_fillers():
    net = build(WITH_BATCH_NORM)
    old = weights(net)
    notes = initialize(net, samples(net), PRESETS['kmeans'], np.random.default_rng(0))
    assert "layer 's1': Scale parameters are left at their fillers" in notes
    assert "layer 'bn1': BatchNorm parameters are left at their fillers" in notes
    for name, values in weights(net).items():
        if name.startswith(('bn', 's1')):
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
            "weights_from: found 'orthonromal', needed one of keep, filler, gaussian, .*did you mean 'orthonormal'?",
        ),
        ('chain', {'normalize': 'lsvu'}, "normalize: found 'lsvu', needed one of none, lsuv"),
        ('chain', {'between': 'yes'}, "between: found 'yes', needed one of none, exact, paper"),
    ],
)
def test_what_cannot_be_done(text, options, message):
    with pytest.raises(NetError, match=message):
        initialized(text, Recipe(**options))


# -- where weights come from


FILLERS = {
    'gaussian': FillerParameter(type='gaussian', std=0.01),
    'unit_gaussian': FillerParameter(type='gaussian', std=1),
    'xavier': FillerParameter(type='xavier'),
    'msra': FillerParameter(type='msra'),
}


def test_weights_from_shapes():
    for source, expected in {
        'keep': lambda shape, rng: build('chain').params['c1'][0].data,
        'filler': None,
        'orthonormal': orthonormal,
        **{
            name: lambda shape, rng, p=param: fill_array(shape, p, rng)
            for name, param in FILLERS.items()
        },
    }.items():
        net, _ = initialized('chain', Recipe(source, 'none', layers='c1'))
        shape = net.params['c1'][0].shape
        expected = (
            expected(shape, np.random.default_rng(0))
            if expected
            else build('chain').params['c1'][0].data
        )
        np.testing.assert_array_equal(net.params['c1'][0].data, expected, err_msg=source)


def test_orthonormal_by_group():
    net, _ = initialized('groups', Recipe('orthonormal', 'none'))
    for group in net.params['c2'][0].data.reshape(4, 3, 18):
        np.testing.assert_allclose(group @ group.T, np.eye(3), atol=1e-5)


@pytest.mark.parametrize('source', names('samples'))
def test_weights_from_samples_are_for_convolutions_unless_asked(source):
    net, _ = initialized('chain', Recipe(source, 'none'))
    assert net.params['f1'][0].data.std() == pytest.approx(0.01, rel=0.1)
    net, _ = initialized('chain', Recipe(source, 'none', all_layers=True))
    assert net.params['f1'][0].data.std() > 0.02


def test_pca_whitens_each_group():
    net = build('groups', phase=TEST)
    batches = samples(net, 3)
    notes = initialize(net, batches, Recipe('pca', 'none', layers='c1'), np.random.default_rng(0))
    assert notes == []
    outs = []
    for batch in batches:
        outputs(net, batch)
        net.forward(end='c1')
        outs.append(np.moveaxis(net.blobs['c1'].data, 1, 0).reshape(8, -1).copy())
    for group in np.split(np.concatenate(outs, axis=1), 2):
        np.testing.assert_allclose(np.cov(group, bias=True), np.eye(4), atol=1e-3)


def test_notes_name_layer_and_group():
    net = build('groups')
    for param in net.all_params():
        param.data = 0
    notes = initialize(
        net, [{'data': np.zeros((6, 4, 9, 9))}], Recipe('pca', 'none'), np.random.default_rng(0)
    )
    assert any(
        note.startswith("layer 'c1': group 1: the 294 samples do not vary") for note in notes
    ), notes


def test_few_samples_where_memory_is_small():
    _, notes = initialized('chain', Recipe('pca', 'none', memory=8 * 27 * 5, layers='c1'))
    assert notes[-1].startswith(
        "layer 'c1': 5 samples of dimension 27 have rank 4: 4 of 8 filters come from them"
    )


def test_a_deconvolution_has_no_rows_of_samples():
    _, notes = initialized('unet', Recipe('pca', 'within', all_layers=True))
    assert (
        "layer 'up': no rows of samples meet the weights of a Deconvolution: they are Gaussian"
        in notes
    )


# -- parts that go together


@pytest.mark.parametrize('between', BETWEEN)
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


@pytest.mark.parametrize(
    'name, first, last',
    [
        ('chain', ['c1'], ['f2']),
        ('siamese', ['c1', 'c1_p'], ['out']),
        ('product', ['c1', 'g'], ['f2']),
        ('unet', ['d1'], ['score']),
        (
            data() + conv('c', 'data', 3) + fc('aux', 'c', 2) + conv('d', 'c', 3) + fc('f', 'd', 2),
            ['c'],
            ['aux', 'f'],
        ),
    ],
)
def test_first_and_last_layers(name, first, last):
    net = build(name)
    assert [each.name for each in first_layers(net)] == first
    assert [each.name for each in last_layers(net)] == last


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
    assert heard == net.layer_names


# -- inputs


@pytest.mark.parametrize(
    'factor, expected',
    [
        (1, None),
        (60, r'60.*scale: 0.017 }\)$'),
        (0.01, r'0.01.*scale: 1e'),
        (0, '0: networks learn best'),
    ],
)
def test_an_input_far_from_one_is_noted(factor, expected):
    net = build(data() + conv('c1', 'data', 4) + relu('c1') + conv('c2', 'c1', 4))
    batches = [{'data': factor * batch['data']} for batch in samples(net, 2)]
    notes = initialize(net, batches, Recipe('keep', 'none'), np.random.default_rng(0))
    assert bool(notes) == bool(expected) and len(notes) <= 1
    if expected:
        assert re.match(f"layer 'c1': its input has standard deviation {expected}", notes[0])


@pytest.mark.parametrize('preset', ['lsuv', 'kmeans'])
def test_nan_in_the_data(preset):
    net = build('chain')
    batches = samples(net, 2)
    batches[1]['data'][3, 0, 0, 0] = np.nan
    with pytest.raises(DataError, match="input 'data': 1 of its 1800 values are not finite"):
        initialize(net, batches, PRESETS[preset], np.random.default_rng(0))


def test_statistics_of_batch_norm_are_put_back():
    net, _ = initialized(WITH_BATCH_NORM + layer('Dropout', 'd', 'f', 'f'), PRESETS['kmeans'])
    assert not any(param.data.any() for param in net.params['bn1'] + net.params['bn2'])
