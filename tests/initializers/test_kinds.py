"""Every initializer by its row: kind, options, and what it promises of a small net."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pytest
from goodinit.initializers import (
    INITIALIZERS,
    Option,
    Recipe,
    all_options,
    initialize,
    initializer,
    measure,
    of_kind,
    walk,
)
from goodinit.initializers.kinds import readers
from goodinit.initializers.walk import measuring
from scipy.linalg import hadamard
from small_nets import NETS, build, layer, samples

LEARNING = NETS['chain'] + layer('EuclideanLoss', 'loss', 'f2 prob')  # with a loss
SAMPLES = {'memory': 10**6, 'all_layers': True}


def weights_have_std(expected):
    def check(net, batches):
        assert net.params['c1'][0].data.std() == pytest.approx(expected, rel=0.2)

    return check


def rows_are_orthonormal(net, batches):
    rows = net.params['c1'][0].data.reshape(8, -1)
    np.testing.assert_allclose(rows @ rows.T, np.eye(8), atol=1e-5)


def centers_are(matrix):
    """The weights of c1 are this matrix (8, 3) at the centre, and zero elsewhere."""

    def check(net, batches):
        weights = net.params['c1'][0].data.copy()
        np.testing.assert_allclose(weights[:, :, 1, 1], matrix, atol=1e-6)
        weights[:, :, 1, 1] = 0
        assert not weights.any()

    return check


def centers_are_orthonormal(net, batches):
    center = net.params['c1'][0].data[:, :, 1, 1]
    np.testing.assert_allclose(center.T @ center, np.eye(3), atol=1e-5)


def outputs_have(promise):
    def check(net, batches):
        with measuring(net):
            for step in walk(net, batches):
                if step.affine:
                    assert promise(step.forward()), step.layer.name

    return check


unit_variances = outputs_have(lambda z: np.allclose(z.var, 1, rtol=0.01))
variance_2 = outputs_have(lambda z: abs(z.total_var - 2) < 0.1)
mean_square_1 = outputs_have(lambda z: abs(z.mean_square - 1) < 0.01)
no_means = outputs_have(lambda z: np.allclose(z.mean, 0, atol=1e-4))
means_3 = outputs_have(lambda z: np.allclose(z.mean, 3, atol=1e-3))


def rates_are_close(net, batches):
    rates = [row.change_rate for row in measure(net, batches, np.random.default_rng(5))]
    assert max(rates) / min(rates) < 1.5


def deviations_near_1(net, batches):
    rows = measure(net, batches, np.random.default_rng(5))
    assert all(0.6 < row.output_std < 1.6 for row in rows)


def still_finite(net, batches):
    """What it promises of a loss is in test_loss_gradients.py."""
    assert all(np.isfinite(param.data).all() for param in net.all_params())


@dataclass
class Row:
    """An initializer, an example of each of its options, and what must hold for the net `chain`
    after it."""

    name: str
    kind: str
    options: dict
    promise: object


ROWS = [
    Row('orthonormal', 'shape', {}, rows_are_orthonormal),
    Row('gaussian', 'shape', {}, weights_have_std(0.01)),
    Row('unit_gaussian', 'shape', {}, weights_have_std(1)),
    Row('xavier', 'shape', {}, weights_have_std(1 / np.sqrt(27))),
    Row('msra', 'shape', {}, weights_have_std(np.sqrt(2 / 27))),
    Row('lecun', 'shape', {}, weights_have_std(1 / np.sqrt(27))),
    Row('delta_orthogonal', 'shape', {}, centers_are_orthonormal),
    Row('identity', 'shape', {}, centers_are(np.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1]])),
    Row('zero', 'shape', {}, centers_are(hadamard(8)[:, :3] / np.sqrt(8))),
    Row('pca', 'samples', SAMPLES, unit_variances),
    Row('zca', 'samples', SAMPLES, unit_variances),
    Row('kmeans', 'samples', SAMPLES, unit_variances),
    Row('rand', 'samples', SAMPLES, unit_variances),
    Row('lsuv', 'layer', {'target': 2.0, 'margin': 0.1, 'max_trials': 5}, variance_2),
    Row('within', 'layer', {'beta': 3.0}, means_3),
    Row('scale', 'layer', {}, mean_square_1),
    Row('scale_bias', 'layer', {}, no_means),
    Row('analytic', 'forecast', {}, deviations_near_1),
    Row('exact', 'net', {'strict': True, 'allow_change': False}, rates_are_close),
    Row('paper', 'net', {'strict': True, 'allow_change': False}, rates_are_close),
    Row('gradinit', 'net', {'rate': 0.2, 'bound': 2.0, 'iterations': 2}, still_finite),
]


def recipe_of(row):
    if row.kind in ('layer', 'forecast'):
        return Recipe('keep', row.name, **row.options)
    if row.kind == 'net':
        return Recipe('keep', 'none', row.name, **row.options)
    return Recipe(row.name, 'none', **row.options)


def test_every_initializer_has_a_row():
    assert sorted(row.name for row in ROWS) == sorted(INITIALIZERS)


@pytest.mark.parametrize('row', ROWS, ids=lambda row: row.name)
def test_a_row_says_what_is_registered(row):
    found = INITIALIZERS[row.name]
    assert found.kind == row.kind
    assert found.options.keys() == row.options.keys()
    assert found.function.__doc__
    for name, option in found.options.items():
        assert option.help and isinstance(option.default, option.type), name
        assert isinstance(row.options[name], option.type), name
        assert option.above is None or option.default > option.above
        assert option.least is None or option.default >= option.least


@pytest.mark.parametrize('row', ROWS, ids=lambda row: row.name)
def test_a_promise_is_kept(row):
    net = build(LEARNING if row.name == 'gradinit' else 'chain')
    batches = samples(net, 3)
    initialize(net, batches, recipe_of(row), np.random.default_rng(0))
    row.promise(net, batches)


def test_options_name_their_readers():
    assert list(all_options()) == [
        *('memory', 'all_layers', 'target', 'margin', 'max_trials', 'beta', 'strict'),
        *('allow_change', 'rate', 'bound', 'iterations'),
    ]
    assert readers('memory') == ('kmeans', 'pca', 'rand', 'zca')
    assert readers('beta') == ('within',)
    assert all_options()['memory'].unit == 'bytes'


# -- a new one


@pytest.fixture
def registry():
    """The registry, put back afterwards."""
    known = dict(INITIALIZERS)
    yield INITIALIZERS
    INITIALIZERS.clear()
    INITIALIZERS.update(known)


Strength = Annotated[float, Option('how strong', above=0)]


def test_a_new_initializer_can_be_named_in_a_recipe(registry):
    @initializer('times', 'layer')
    def times(step, rng, strength: Strength = 2.0):
        """W *= strength."""
        step.layer.weight.data *= strength
        return [f'times {strength:g}']

    assert 'times' in of_kind('layer') and readers('strength') == ('times',)
    net, before = build('chain'), build('chain').params['c1'][0].data
    recipe = Recipe('keep', 'times', layers='c1', strength=3.0)
    notes = initialize(net, samples(net), recipe, np.random.default_rng(0))
    assert "layer 'c1': times 3" in notes
    np.testing.assert_allclose(net.params['c1'][0].data, 3 * before)


def nothing(step, rng, target: Annotated[float, Option('the mean')] = 0.0):
    return []


@pytest.mark.parametrize(
    'name, kind, message',
    [
        ('mine', 'layers', "mine: unknown kind of initializer: 'layers'"),
        ('lsuv', 'layer', 'lsuv: an initializer with this name already exists'),
        ('mine', 'layer', 'mine: option target differs from that of lsuv'),
    ],
)
def test_what_cannot_be_registered(name, kind, message, registry):
    with pytest.raises(ValueError, match=message):
        initializer(name, kind)(nothing)
    assert 'mine' not in registry
