"""Gradients of the loss: products with second derivatives, MetaInit's quotient, GradInit."""

import re

import numpy as np
import pytest
from goodinit.initializers import PRESETS, Recipe, initialize, measure
from goodinit.initializers.gradient_quotient import gradient_quotient
from goodinit.initializers.loss_gradients import LossGradients, norm
from goodinit.initializers.reach import affine_layers
from goodinit.netlib.errors import DataError, NetError
from small_nets import build, conv, data, fc, layer, pool, relu, samples

QUADRATIC = (
    data('8 5')
    + data('8 3', 'wanted')
    + fc('f', 'data', 3)
    + layer('EuclideanLoss', 'loss', 'f wanted')
)
CLASSIFIER = (
    data('20 1 10 10')
    + data('20', 'label')
    + conv('c1', 'data', 6)
    + relu('c1')
    + pool('p1', 'c1')
    + layer('BatchNorm', 'bn', 'p1', 'b1')
    + fc('f1', 'b1', 12)
    + relu('f1')
    + fc('f2', 'f1', 4)
    + layer('SoftmaxWithLoss', 'loss', 'f2 label')
)


def labeled(net, batches=2):
    """Batches with labels that can be learned: the brightest quarter of the image."""
    found = samples(net, batches)
    for batch in found:
        quarters = batch['data'].reshape(20, 2, 5, 2, 5).mean(axis=(2, 4))
        batch['label'] = quarters.reshape(20, 4).argmax(axis=1).astype(np.float32)
    return found


def classifier(dtype=np.float32):
    net = build(CLASSIFIER, dtype=dtype)
    return net, labeled(net)


# -- second derivatives


@pytest.mark.parametrize('dtype, tolerance', [(np.float64, 1e-6), (np.float32, 1e-2)])
def test_curvature_of_a_quadratic_loss(dtype, tolerance):
    """L = |W x + b - y|^2 / 2 N, so H d = (mean of (D x + e) x^T, mean of D x + e)."""
    net = build(QUADRATIC, dtype=dtype)
    batches = samples(net)
    loss = LossGradients(net)
    rng = np.random.default_rng(0)
    direction = {param: rng.standard_normal(param.shape) for param in loss.params}
    _, gradient = loss.at(batches)
    weight, bias = loss.params
    x = batches[0]['data'].astype(float)
    moved = x @ direction[weight].T + direction[bias]
    found = loss.curvature(batches, gradient, direction)
    np.testing.assert_allclose(found[weight], moved.T @ x / 8, atol=tolerance)
    np.testing.assert_allclose(found[bias], moved.mean(axis=0), atol=tolerance)


def test_parameters_are_put_back():
    net, batches = classifier()
    before = [param.data.copy() for param in net.all_params()]
    rows = measure(net, batches, np.random.default_rng(0))
    gradient_quotient(net, batches, rows)
    for param, values in zip(net.all_params(), before, strict=True):
        np.testing.assert_array_equal(param.data, values)


# -- the gradient quotient


def test_the_quotient_of_a_quadratic_loss():
    net = build(QUADRATIC, dtype=np.float64)
    batches = samples(net)
    rows = measure(net, batches, np.random.default_rng(0))
    total = gradient_quotient(net, batches, rows)
    x, y = (batches[0][name].astype(float) for name in ('data', 'wanted'))
    weight, bias = (param.data for param in net.params['f'])
    error = x @ weight.T + bias - y
    g = np.hstack([error.T @ x / 8, error.mean(axis=0)[:, None]])
    moved = x @ g[:, :5].T + g[:, 5]
    curved = np.hstack([moved.T @ x / 8, moved.mean(axis=0)[:, None]])
    expected = abs((g - curved) / (g + 1e-5 * np.where(g >= 0, 1, -1)) - 1)
    assert total == pytest.approx(expected.mean(), rel=1e-4)
    assert rows[0].gradient_quotient == pytest.approx(expected[:, :5].mean(), rel=1e-4)


def test_the_quotient_is_the_same_in_single_precision():
    found = []
    for dtype in (np.float32, np.float64):
        net, batches = classifier(dtype)
        rows = measure(net, batches, np.random.default_rng(0))
        found.append([gradient_quotient(net, batches, rows), *(r.gradient_quotient for r in rows)])
    np.testing.assert_allclose(*found, rtol=0.2)


@pytest.mark.parametrize('what', ['gradient quotient', 'gradinit'])
def test_a_net_without_a_loss_is_refused(what):
    net = build('chain')
    message = rf"{what}: net 'net' has no loss; needed: a layer such as SoftmaxWithLoss \(a train_"
    with pytest.raises(NetError, match=message):
        if what == 'gradinit':
            initialize(net, samples(net), PRESETS['gradinit'], np.random.default_rng(0))
        else:
            gradient_quotient(net, samples(net), [])


# -- GradInit


def losses_after_a_step(net, batches, rate=0.1):
    """By hand: forward, backward, step, forward, and the weights as they were."""
    found = []
    start = [param.data.copy() for param in net.all_params()]
    for batch in batches:
        for name, values in batch.items():
            net.blobs[name].data = values
        net.clear_param_diffs()
        net.forward()
        net.backward()
        for param in net.all_params():
            if param.learns:
                param.data = param.data - rate * param.diff
        found.append(net.forward())
        for param, values in zip(net.all_params(), start, strict=True):
            param.data = values
    return np.mean(found)


@pytest.mark.parametrize(
    'start, options',
    [(('msra', 'none'), {'bound': 5.0}), (('orthonormal', 'lsuv'), {'target': 50.0})],
)
def test_a_step_of_training_leaves_less_loss(start, options):
    (plain, batches), (net, _) = classifier(), classifier()
    initialize(plain, batches, Recipe(*start, **options), np.random.default_rng(0))
    recipe = Recipe(*start, 'gradinit', **options)
    notes = initialize(net, batches, recipe, np.random.default_rng(0))
    before, after = losses_after_a_step(plain, batches), losses_after_a_step(net, batches)
    assert after < 0.98 * before
    assert notes == [
        "layer 'bn': its running mean and variance are those of these batches",
        f'gradinit: loss after one step of rate 0.1: {before:.4g} before, {after:.4g} after 40 '
        'iterations',
    ]


def test_only_factors_change():
    (plain, batches), (net, _) = classifier(), classifier()
    lsuv = {'layers': 'f', 'target': 50.0}
    initialize(plain, batches, Recipe(**lsuv), np.random.default_rng(0))
    recipe = Recipe(between='gradinit', **lsuv)
    initialize(net, batches, recipe, np.random.default_rng(0))
    for name, kind in (('c1', 0), ('f1', 0), ('f1', 1), ('f2', 0)):
        ratio = net.params[name][kind].data / plain.params[name][kind].data
        assert np.ptp(ratio) < 1e-4
        assert (abs(ratio.mean() - 1) > 1e-3) == (name != 'c1')


def test_a_bound_on_the_gradient_is_reached():
    net, batches = classifier()
    scaled = Recipe('orthonormal', 'lsuv', target=20.0)
    initialize(net, batches, scaled, np.random.default_rng(0))
    gradient = LossGradients(net)
    before = norm(gradient.at(batches)[1])
    recipe = Recipe('keep', 'none', 'gradinit', bound=0.5, iterations=60)
    initialize(net, batches, recipe, np.random.default_rng(0))
    assert norm(gradient.at(batches)[1]) < 0.7 < before


def test_the_same_seed_gives_the_same_factors():
    found = []
    for _ in range(2):
        net, batches = classifier()
        recipe = Recipe('msra', 'none', 'gradinit', iterations=3)
        initialize(net, batches, recipe, np.random.default_rng(3))
        found.append([each.weight.data.copy() for each in affine_layers(net)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_factors_that_do_not_help_are_dropped():
    """The gradient here is longer than the bound, but a step along it helps more."""
    (plain, batches), (net, _) = classifier(), classifier()
    initialize(plain, batches, Recipe('msra', 'none'), np.random.default_rng(0))
    notes = initialize(net, batches, PRESETS['gradinit'], np.random.default_rng(0))
    assert re.match(
        r'gradinit: no factors within the bound lower the loss after one step of rate 0.1, 0.97',
        notes[-1],
    )
    for param, other in zip(net.all_params(), plain.all_params(), strict=True):
        np.testing.assert_array_equal(param.data, other.data)


def test_labels_that_are_all_alike_are_noted():
    net, batches = classifier()
    for batch in batches:
        batch['label'] = 0 * batch['label']
    recipe = Recipe('msra', 'none', 'gradinit', iterations=1)
    notes = initialize(net, batches, recipe, np.random.default_rng(0))
    assert any(
        "input 'label' is 0 for every sample, so the loss says little: give data with labels"
        in note
        for note in notes
    )


def test_a_gradient_that_is_not_finite(monkeypatch):
    net, batches = classifier()
    monkeypatch.setattr('goodinit.initializers.whole_net.gradinit.norm', lambda arrays: np.inf)
    message = r'gradient of the loss is not finite; start .* scaled to the data \(--normalize lsuv'
    with pytest.raises(DataError, match=message):
        initialize(net, batches, PRESETS['gradinit'], np.random.default_rng(0))
