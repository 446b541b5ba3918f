"""Layers that multiply the same patches of the same blob share what is found of these."""

import numpy as np
import pytest
from goodinit.initializers import Recipe, fill, initialize
from goodinit.initializers.from_samples import directions, shared_samples
from small_nets import build, conv, data, fc, relu, samples

RECIPES = ['kmeans', 'rand', 'pca']


def inception(kernel=1):
    """Two layers read all that the first one makes, a third one with another window, and a fourth
    one another blob."""
    return build(
        data('10 3 8 8')
        + conv('first', 'data', 12, 3)
        + relu('first')
        + conv('a', 'first', 8, kernel)
        + conv('b', 'first', 5, kernel)
        + conv('c', 'first', 4, 2)
        + conv('d', 'c', 3, kernel)
        + fc('f', 'd', 2)
    )


def weights_of(net, batches, weights_from, **options):
    rng = np.random.default_rng(0)
    fill(net, rng)
    initialize(net, batches, Recipe(weights_from, 'within', **options), rng)
    return {name: params[0].data.copy() for name, params in net.params.items()}


@pytest.fixture
def whitened(monkeypatch):
    """The numbers of rows that have been whitened, one after the other."""
    counts = []

    def counting(rows, *more, **options):
        counts.append(len(rows))
        return WhiteSamples(rows, *more, **options)

    WhiteSamples = directions.WhiteSamples
    monkeypatch.setattr(directions, 'WhiteSamples', counting)
    return counts


@pytest.mark.parametrize('name', RECIPES)
def test_sharing_changes_nothing(name, whitened, monkeypatch):
    batches = samples(inception(), 3)
    ours = weights_of(inception(), batches, name)
    assert len(whitened) == 4  # of five layers
    monkeypatch.setattr(shared_samples, 'key_of', lambda step, index: ())
    expected = weights_of(inception(), batches, name)
    assert len(whitened) == 4 + 5
    for layer, found in ours.items():
        np.testing.assert_array_equal(found, expected[layer])


def test_layers_that_draw_other_rows_do_not_share(whitened):
    """Their samples do not fit into the memory, so that each draws its own."""
    weights_of(inception(), samples(inception(), 3), 'kmeans', memory=20_000)
    assert len(whitened) == 5


def test_the_values_of_a_single_batch_may_change(whitened):
    weights_of(inception(), samples(inception(), 1), 'kmeans')
    assert len(whitened) == 5


def test_samples_are_forgotten_after_the_last_layer_that_shares_them(monkeypatch):
    left = []
    recall = shared_samples.shared_samples

    def watched(step, batches):
        left.append((step.layer.name, len(step.kept.remembered)))
        return recall(step, batches)

    monkeypatch.setattr(directions, 'shared_samples', watched)
    weights_of(inception(), samples(inception(), 3), 'kmeans')
    assert left == [('first', 0), ('a', 0), ('b', 1), ('c', 0), ('d', 0)]
