"""Random nets of every kind of layer: rescaling keeps the function, and the rates deviate no more
than before."""

import numpy as np
import pytest
from goodinit.initializers.walk import measuring
from hypothesis import given, settings
from hypothesis import strategies as st
from scaled_nets import balance_and_measure, deviation, spread
from small_nets import build, conv, data, fc, layer, outputs, relu, samples, shared

SIZE = 8  # all images stay so large


def same(name, bottom, channels, more='', **about):
    return conv(name, bottom, channels, more=f'pad: 1 {more}', **about)


def plain(n, x, c):
    return same(f'a{n}', x, 2 * c) + relu(f'a{n}'), f'a{n}', 2 * c


def groups(n, x, c):
    return same(f'a{n}', x, 2 * c, 'group: 2') + relu(f'a{n}'), f'a{n}', 2 * c


def concat(n, x, c):
    text = same(f'a{n}', x, 3) + relu(f'a{n}') + conv(f'b{n}', x, 5, 1) + relu(f'b{n}')
    return text + layer('Concat', f'y{n}', f'a{n} b{n} {x}'), f'y{n}', 8 + c


def residual(n, x, c):
    text = same(f'a{n}', x, c) + relu(f'a{n}') + same(f'b{n}', f'a{n}', c)
    return text + layer('Eltwise', f'y{n}', f'{x} b{n}') + relu(f'y{n}'), f'y{n}', c


def maxout(n, x, c):
    text = same(f'a{n}', x, 8) + layer('Slice', f's{n}', f'a{n}', f's{n} t{n}')
    fields = 'eltwise_param { operation: MAX }'
    return text + layer('Eltwise', f'y{n}', f's{n} t{n}', fields=fields), f'y{n}', 4


def pieces_of_max(n, x, c):
    text = same(f'a{n}', x, 8)
    return (
        text + layer('Maxout', f'y{n}', f'a{n}', fields='maxout_param { num_pieces: 2 }'),
        f'y{n}',
        4,
    )


def prelu(n, x, c):
    return same(f'a{n}', x, c) + layer('PReLU', f'p{n}', f'a{n}', f'a{n}'), f'a{n}', c


def normalized(n, x, c):
    text = same(f'a{n}', x, c) + layer('BatchNorm', f'bn{n}', f'a{n}', f'a{n}')
    fields = 'scale_param { bias_term: true }'
    return text + layer('Scale', f's{n}', f'a{n}', f'a{n}', fields) + relu(f'a{n}'), f'a{n}', c


def scaled(n, x, c):
    return same(f'a{n}', x, c) + layer('Scale', f's{n}', f'a{n}', f'a{n}'), f'a{n}', c


def dropout(n, x, c):
    return same(f'a{n}', x, c) + layer('Dropout', f'd{n}', f'a{n}', f'a{n}'), f'a{n}', c


def deconvolution(n, x, c):
    return same(f'a{n}', x, 4, type='Deconvolution') + relu(f'a{n}'), f'a{n}', 4


def twins(n, x, c):
    fields = shared(f'w{n}', f'v{n}')
    text = same(f'a{n}', x, 4, fields=fields) + same(f'b{n}', x, 4, fields=fields)
    text += relu(f'a{n}') + layer('Concat', f'y{n}', f'a{n} b{n}')
    return text, f'y{n}', 8


def local_response(n, x, c):
    fields = 'lrn_param { local_size: 3 alpha: 0.001 }'
    text = same(f'a{n}', x, c) + relu(f'a{n}')
    return text + layer('LRN', f'y{n}', f'a{n}', fields=fields), f'y{n}', c


BLOCKS = [
    *(plain, groups, concat, residual, maxout, pieces_of_max, prelu),
    *(normalized, scaled, dropout, deconvolution, twins, local_response),
]


def random_net(blocks, two_losses):
    text, x, channels = data(f'4 4 {SIZE} {SIZE}'), 'data', 4
    for n, block in enumerate(blocks):
        more, x, channels = block(n, x, channels)
        text += more
        if two_losses and n == 0:
            text += fc('early', x, 3)
    return text + fc('late', x, 4)


@given(
    blocks=st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=5),
    two_losses=st.booleans(),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
def test_the_function_stays_and_rates_deviate_no_more(blocks, two_losses, seed):
    net = build(random_net(blocks, two_losses), seed=seed, dtype=np.float64)
    rng = np.random.default_rng(seed)
    for param in net.all_params():
        if param.owner is param and not param.is_statistic and not param.name.startswith('s'):
            param.data *= np.exp(rng.uniform(-2, 2))
    batches = samples(net, 1, seed)
    before = still_outputs(net, batches[0])
    first = deviation(net, batches)
    _, measured = balance_and_measure(net, batches)
    nearly = {local_response, normalized}.intersection(blocks)
    allowed = 1e-3 if nearly else 1e-9
    for name, values in still_outputs(net, batches[0]).items():
        largest = abs(before[name]).max()
        np.testing.assert_allclose(values, before[name], rtol=0, atol=allowed * largest)
    assert measured['function_moved'] < allowed
    assert deviation(net, batches) <= first * (1.01 if nearly else 1 + 1e-9)
    if not nearly:
        assert spread(net, batches) == pytest.approx(measured['rates_apart'], rel=1e-6)


def still_outputs(net, batch):
    """The outputs without dropout; BatchNorm's statistics stay as they are."""
    with measuring(net):
        return outputs(net, batch)
