"""What LSTM and RNN do beyond one batch: the state carried on, batches of other extents, and what
they refuse."""

import numpy as np
import pytest
from case import input_text
from goodinit.netlib import Net
from goodinit.netlib.errors import LayerError
from goodinit.proto import parse_net

RNG = np.random.default_rng(0)


def net_of(
    type, T=4, N=2, fields='num_output: 3', bottoms='x cont', tops='y', engine='reference', **shapes
):
    shapes = {'x': (T, N, 2), 'cont': (T, N), **shapes}
    inputs = [input_text(name, shape) for name, shape in shapes.items()]
    ends = [f'bottom: "{name}"' for name in bottoms.split()]
    ends += [f'top: "{name}"' for name in tops.split()]
    fields = f'recurrent_param {{ {fields} }}' if fields else ''
    layer = f'layer {{ name: "r" type: "{type}" {" ".join(ends)} {fields} }}'
    net = Net(parse_net('\n'.join([*inputs, layer])), engine=engine)
    rng = np.random.default_rng(1)
    for param in net.all_params():
        param.data = rng.uniform(-0.8, 0.8, param.shape)
    return net


def given(**arguments):
    return arguments


def run(net, x, cont):
    net.blobs['x'].reshape(*x.shape)
    net.blobs['cont'].reshape(*np.shape(cont))
    net.blobs['x'].data, net.blobs['cont'].data = x, cont
    net.forward()
    return net.blobs['y'].data.copy()


X = RNG.uniform(-1, 1, (6, 2, 2))
CONT = np.array([[0, 0], [1, 1], [1, 0], [1, 1], [0, 1], [1, 1]])


@pytest.mark.parametrize('type', ['LSTM', 'RNN'])
@pytest.mark.parametrize('cuts', [(3,), (1, 2), (1, 5)])
def test_a_sequence_in_pieces_is_the_sequence(type, cuts, engine):
    whole = run(net_of(type, engine=engine), X, CONT)
    net = net_of(type, engine=engine)
    parts = [
        run(net, x, cont) for x, cont in zip(np.split(X, cuts), np.split(CONT, cuts), strict=True)
    ]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


@pytest.mark.parametrize('type', ['LSTM', 'RNN'])
def test_other_streams_start_anew(type):
    net, fresh = net_of(type), net_of(type)
    run(net, X, CONT)
    ones = np.ones((6, 1))
    np.testing.assert_array_equal(run(net, X[:, :1], ones), run(fresh, X[:, :1], ones))


@pytest.mark.parametrize('type', ['LSTM', 'RNN'])
def test_the_state_outlives_the_buffers(type):
    net, freed = net_of(type), net_of(type)
    first, second = (run(net, X, CONT * 0 + 1) for _ in range(2))
    np.testing.assert_array_equal(run(freed, X, CONT * 0 + 1), first)
    freed.layers[-1].work.free()
    np.testing.assert_array_equal(run(freed, X, CONT * 0 + 1), second)
    assert not np.allclose(first, second)


@pytest.mark.parametrize(
    'arguments, message',
    [
        (
            given(type='LSTM', x=(4,)),
            r"bottom\[0\] must have at least 2 axes -- \(#timesteps, #streams, ...\); found 'x'",
        ),
        (given(type='RNN', fields=''), 'num_output must be positive'),
        (
            given(type='RNN', s=(3, 5), bottoms='x cont s'),
            r"bottom 's': found 3 5 \(15\), needed 2 5, for 4 steps",
        ),
        (
            given(
                type='RNN',
                fields='num_output: 3 expose_hidden: true',
                h=(1, 2, 4),
                bottoms='x cont h',
                tops='y hT',
            ),
            r"bottom 'h': found 1 2 4 \(8\), needed 1 2 3, for",
        ),
        (
            given(type='LSTM', fields='num_output: 3 expose_hidden: true', tops='y hT cT'),
            'takes at least 4 bottom blob',
        ),
        (
            given(type='LSTM', tops='y hT cT'),
            r'LSTM Layer produces 1 top blob\(s\) as output. Found 3',
        ),
        (
            given(type='LSTMUnit', fields='', c=(2, 3), bottoms='c x cont', tops='c2 h2'),
            r"bottom 'c': found 2 3 \(6\), needed 1 N D",
        ),
        (
            given(type='LSTMUnit', fields='', c=(1, 2, 3), bottoms='c x cont', tops='c2 h2'),
            r"bottom 'x': found 4 2 2 \(16\), needed 1 2 12 with 'c' 1 2 3",
        ),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(LayerError, match=message):
        net_of(**arguments)


@pytest.mark.parametrize('type', ['LSTM', 'RNN'])
def test_features_must_stay(type):
    with pytest.raises(
        LayerError, match=r"bottom 'x': found 6 2 1 \(12\), needed 6 2 2, for 6 steps of 2 streams"
    ):
        run(net_of(type), X[:, :, :1], CONT)


@pytest.mark.parametrize(
    'arguments',
    [
        given(type='LSTM'),
        given(type='RNN'),
        given(
            type='LSTMUnit',
            fields='',
            c=(1, 2, 3),
            x=(1, 2, 12),
            T=1,
            bottoms='c x cont',
            tops='c2 h2',
        ),
    ],
)
def test_no_gradient_by_the_indicators(arguments):
    net = net_of(**arguments)
    net.forward()
    with pytest.raises(LayerError, match=r'Cannot backpropagate to sequence indicators\.'):
        net.layers[-1].backward(net.tops[-1], [True] * len(net.bottoms[-1]), net.bottoms[-1])
