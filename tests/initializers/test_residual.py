"""Residual branches: zero, fixup and balanced, and the note about variance that grows."""

import numpy as np
import places
import pytest
from goodinit.initializers import Recipe, fill, initialize
from goodinit.initializers.walk import measuring
from goodinit.netlib import Net
from goodinit.netlib.errors import NetError
from goodinit.proto import read_net
from residual_nets import batch_norm, block, residual_net, without_batch_norm
from small_nets import build, conv, data, fc, outputs, samples

FROZEN = 'param { lr_mult: 0 }'


def initialized(net, batches=2, seed=0, **options):
    """The notes of an initialization with `residual` and other options."""
    recipe = Recipe(**options)
    return initialize(net, samples(net, batches), recipe, np.random.default_rng(seed))


def variances(net, batches=2):
    """{name: variance} of every sum over all batches, from plain forward passes."""
    values = {}

    def hear(i):
        each = net.layers[i]
        if each.type == 'Eltwise':
            values.setdefault(each.name, []).append(net.tops[i][0].data.copy())

    net.after_forward.append(hear)
    with measuring(net):
        for batch in samples(net, batches):
            outputs(net, batch)
    net.after_forward.remove(hear)
    return {name: np.var(np.array(found, float)) for name, found in values.items()}


# -- none


def test_by_default_only_a_note_is_given():
    net = build(residual_net())
    notes = initialized(net)
    found = variances(net)
    names = list(found)
    assert notes == [
        f'residual branches: the variance of the sums grows from {found["s0"]:.3g} at '
        f"'{names[0]}' to {max(found.values()):.3g} at 's3' and is {found['s5']:.3g} at the last, "
        "'s5' (--residual balanced keeps it near 1)"
    ]


def test_the_note_ends_when_it_is_followed():
    net = build(residual_net())
    (note,) = initialized(net, residual='balanced')
    assert note == 'residual: balanced: variance of the 6 sums between 1 and 1'


def test_the_note_promises_only_what_can_be_done():
    """BatchNorm without a Scale leaves nothing to scale; a frozen layer stays."""
    text = data('8 3 12 12') + conv('c', 'data', 8)
    for k, below in enumerate(('c', 's0', 's1')):
        fields = FROZEN if k == 2 else ''
        text += block(f's{k}', below, 8, fields=fields)
    (note,) = (note for note in initialized(build(text)) if 'grows' in note)
    assert note.endswith('keeps it near 1, except at 1 sums)')
    text = data('8 3 12 12') + conv('c', 'data', 8)
    for k, below in enumerate(('c', 's0', 's1')):
        text += block(f's{k}', below, 8, last=batch_norm(f's{k}b'))
    (note,) = (note for note in initialized(build(text)) if 'grows' in note)
    assert note.endswith("at the last, 's2'")


def test_no_note_where_nothing_grows():
    net = build(residual_net(blocks=1, projected=()))
    assert initialized(net) == []


def test_no_layer_runs_twice():
    net = build(residual_net())
    runs = []
    net.after_forward.append(runs.append)
    initialized(net, batches=2, residual='balanced')
    assert sorted(runs) == sorted(2 * list(range(len(net.layers))))


# -- balanced


@pytest.mark.parametrize('batches', [1, 3])
@pytest.mark.parametrize('source', ['orthonormal', 'msra'])
@pytest.mark.parametrize('after, projected', [(True, (3,)), (False, (3,)), (False, (0, 1, 3, 4))])
def test_balanced_sums_keep_their_variance(after, projected, source, batches):
    net = build(residual_net(after=after, projected=projected))
    initialized(net, batches, weights_from=source, residual='balanced')
    found = variances(net, batches)
    for name, variance in found.items():
        is_reset = after or int(name[1:]) in projected
        assert variance == pytest.approx(1, rel=1e-3) or not is_reset, name
        assert 0.99 < variance < 2.01, name


def test_an_undamped_signal_gains_a_share_of_one():
    net = build(residual_net(after=False, projected=()))
    net.params['c'][1].data[...] = 0
    initialized(net, residual='balanced')
    found = list(variances(net).values())
    np.testing.assert_allclose(found, 1 + np.arange(1, 7) / 6, rtol=0.03)


def test_balanced_follows_the_target():
    net = build(residual_net())
    initialized(net, residual='balanced', target=4.0)
    np.testing.assert_allclose(list(variances(net).values()), 4, rtol=1e-3)


def test_balanced_without_normalization():
    net = build(residual_net())
    initialized(net, weights_from='msra', normalize='none', residual='balanced')
    np.testing.assert_allclose(list(variances(net).values()), 1, rtol=0.05)


def test_balanced_scales_a_scale_behind_batch_norm():
    net = build(residual_net(normalized=True, projected=()))
    notes = initialized(net, residual='balanced')
    np.testing.assert_allclose(list(variances(net, 1).values())[:2], 1, rtol=0.2)
    assert net.params['scale_s0b'][0].data[0] < 1
    assert "layer 'scale_s0b': Scale parameters keep their fillers" not in notes
    assert "layer 'bn_s0b': its running mean and variance are those of these batches" in notes


@pytest.mark.parametrize('options', [{}, {'layers': 'c|s[^2]|s2a|f'}])
def test_what_may_not_change_is_said(options):
    frozen = FROZEN if not options else ''
    text = data('8 3 12 12') + conv('c', 'data', 8) + block('s0', 'c', 8)
    text += block('s1', 's0', 8) + block('s2', 's1', 8, fields=frozen) + fc('f', 's2', 5)
    net = build(text)
    before = net.params['s2b'][0].data.copy()
    notes = initialized(net, residual='balanced', **options)
    np.testing.assert_array_equal(net.params['s2b'][0].data, before)
    reason = "its bottom 's2b' stays as it is: layer 's2b' is frozen, shared or not chosen"
    assert f"layer 's2': {reason}" in notes
    assert "layer 's2': nothing that can be scaled varies: left unchanged" in notes


def test_a_shared_last_layer_stays():
    shared = 'param { name: "w" } param { name: "b" }'
    text = data('8 3 12 12') + conv('c', 'data', 8) + block('s0', 'c', 8, fields=shared)
    text += block('s1', 's0', 8, fields=shared) + fc('f', 's1', 5)
    notes = initialized(build(text), residual='zero')
    for name in ('s0', 's1'):
        assert any(note.startswith(f"layer '{name}': its bottom '{name}b' stays") for note in notes)


# -- zero and fixup


@pytest.mark.parametrize('rule', ['zero', 'fixup'])
@pytest.mark.parametrize('after', [True, False])
def test_branches_begin_as_nothing(rule, after):
    net = build(residual_net(after=after))
    initialized(net, residual=rule)
    for k in range(6):
        assert not any(param.data.any() for param in net.params[f's{k}b'])
        assert net.params[f's{k}a'][0].data.any()
    assert net.params['s3p'][0].data.any()


def test_what_follows_a_zero_branch_is_normalized_for_it():
    """The next layers see the sum without the branch, in the same walk."""
    net = build(residual_net(projected=()))
    initialized(net, residual='zero')
    batches = samples(net, 2)
    z = np.array([outputs(net, batch)['f'] for batch in batches], float)
    assert z.var() == pytest.approx(1, abs=0.03)


def test_a_scale_behind_batch_norm_becomes_zero():
    net = build(residual_net(normalized=True))
    notes = initialized(net, residual='zero')
    for k in range(6):
        assert not any(param.data.any() for param in net.params[f'scale_s{k}b'])
        assert net.params[f's{k}b'][0].data.any()
    assert not any('Scale parameters' in note for note in notes)


def test_fixup_divides_the_other_layers():
    """By L^(1 / (2 m - 2)) with L = 6 branches of m = 2 layers."""
    plain, fixed = build(residual_net()), build(residual_net())
    initialized(plain, normalize='none')
    initialized(fixed, normalize='none', residual='fixup')
    ratio = fixed.params['s1a'][0].data / plain.params['s1a'][0].data
    np.testing.assert_allclose(ratio, 6**-0.5, rtol=1e-5)
    for name in ('c', 's3p', 'f'):
        np.testing.assert_array_equal(fixed.params[name][0].data, plain.params[name][0].data)


def test_a_branch_that_is_read_elsewhere_keeps_its_inner_layers():
    text = data('8 3 12 12') + conv('c', 'data', 8) + block('s', 'c', 8)
    text += fc('f', 's', 5) + fc('other', 'sa', 5)
    plain, fixed = build(text), build(text)
    initialized(plain, normalize='none')
    notes = initialized(fixed, normalize='none', residual='fixup')
    assert "layer 's': its branch is read elsewhere too: only its last layer changed" in notes
    np.testing.assert_array_equal(fixed.params['sa'][0].data, plain.params['sa'][0].data)


def test_an_unknown_rule():
    with pytest.raises(NetError, match="residual: found 'balance', needed: one of none, zero, fix"):
        initialized(build(residual_net()), residual='balance')


# -- a large one


def test_resnet50_without_batch_norm():
    published = read_net(places.ROOT / 'models' / 'resnet50' / 'deploy.prototxt')
    net = Net(without_batch_norm(published, size=64, images=4), seed=0)
    fill(net, np.random.default_rng(0))
    initialized(net, 1, residual='balanced')
    found = variances(net, 1)
    assert len(found) == 16
    assert all(0.5 < variance < 2 for variance in found.values()), found
