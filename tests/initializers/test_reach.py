"""Searches over a net's graph: first and last layers, scores, units and their ReLUs."""

import numpy as np
import pytest
from goodinit.initializers import measure
from goodinit.initializers.reach import (
    first_layers,
    last_layers,
    last_turns,
    relu_sources,
    score_blobs,
)
from goodinit.netlib.errors import NetError
from small_nets import build, conv, data, fc, layer, pool, relu, samples


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


# -- where losses begin

LABEL = layer('Input', 'label', '', fields='input_param { shape { dim: 6 } }')
LOSS = layer('SoftmaxWithLoss', 'loss', 'f label')
BODY = data() + LABEL + conv('c', 'data', 4) + relu('c')


@pytest.mark.parametrize(
    'text, expected',
    [
        (BODY + fc('f', 'c', 5) + LOSS, ['f']),
        (BODY + fc('f', 'c', 5), ['f']),
        (BODY + fc('f', 'c', 5) + layer('Softmax', 'prob', 'f'), ['f']),
        (BODY + fc('f', 'c', 5) + layer('Softmax', 'p', 'f') + layer('ArgMax', 'a', 'p'), ['f']),
        (BODY + fc('f', 'c', 5) + layer('Accuracy', 'acc', 'f label'), ['f']),
        (BODY + fc('f', 'c', 5) + LOSS + layer('Accuracy', 'acc', 'f label'), ['f_f_0_split_0']),
        (
            BODY
            + fc('f', 'c', 5)
            + layer('Softmax', 'p', 'f')
            + layer('MultinomialLogisticLoss', 'loss', 'p label'),
            ['f'],
        ),
        (
            BODY
            + fc('f', 'c', 5)
            + layer('Softmax', 'p', 'f')
            + layer('MultinomialLogisticLoss', 'loss', 'p label', fields='loss_weight: 0'),
            ['f'],
        ),
        (BODY + fc('f', 'c', 5) + LOSS + fc('g', 'c', 2), ['f']),
        (BODY + fc('f', 'c', 5) + fc('g', 'c', 2), ['f', 'g']),
        (
            BODY
            + fc('h', 'c', 5)
            + layer('SoftmaxWithLoss', 'aux', 'h label', fields='loss_weight: 0.3')
            + fc('f', 'c', 5)
            + LOSS,
            ['h', 'f'],
        ),
        (BODY + fc('f', 'c', 5) + layer('Reduction', 'sum', 'f', fields='loss_weight: 1'), ['f']),
        (BODY + fc('f', 'c', 5, fields='loss_weight: 1'), ['f']),
        (
            BODY + layer('TanH', 't', 'data') + fc('f', 'c', 5) + layer('Sigmoid', 's', 'f', 'f'),
            ['f'],
        ),
    ],
)
def test_score_blobs(text, expected):
    assert score_blobs(build(text)) == expected


def test_without_scores():
    with pytest.raises(
        NetError, match="net 'net' has no scores to measure gradients from: neither a loss nor "
    ):
        score_blobs(build(data() + pool('p', 'data')))


def test_three_heads_like_googlenet():
    text = BODY + conv('d', 'c', 4) + relu('d')
    for i, bottom in enumerate(('c', 'd', 'd')):
        text += fc(f'f{i}', bottom, 5) + layer(
            'SoftmaxWithLoss', f'loss{i}', f'f{i} label', fields='loss_weight: 0.3'
        )
    net = build(text)
    measured = measure(net, samples(net), np.random.default_rng(0))
    assert all(row.change_rate > 0 for row in measured)


# -- units and their ReLUs


@pytest.mark.parametrize(
    'between, expected',
    [
        (relu('c'), {'relu_c': 'c'}),
        (pool('p', 'c') + relu('p'), {'relu_p': 'c'}),
        (
            layer('BatchNorm', 'b', 'c', 'c') + layer('Scale', 's', 'c', 'c') + relu('c'),
            {'relu_c': 'c'},
        ),
        (fc('f', 'c', 3) + relu('f'), {'relu_f': 'f'}),
        (relu('c') + relu('c'), {'relu_c': 'c'}),
        (layer('TanH', 't', 'c', 'c') + relu('c'), {}),
        (layer('Eltwise', 'e', 'c c2') + relu('e'), {}),
    ],
)
def test_relu_sources(between, expected):
    net = build(data() + conv('c', 'data', 4) + conv('c2', 'data', 4) + between)
    names = net.layer_names
    found = {names[i]: names[source] for i, source in relu_sources(net).items()}
    assert found == expected


def test_last_turns_count_reading_and_writing():
    net = build(data() + conv('c', 'data', 4) + relu('c') + fc('f', 'c', 3))
    assert last_turns(net, dict(enumerate(range(len(net.layers))))) == {'data': 1, 'c': 3, 'f': 3}
