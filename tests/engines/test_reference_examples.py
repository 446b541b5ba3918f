"""The reference engine by example: small numbers that a reader can check."""

import numpy as np
import pytest
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.reference.elementwise import BINARY
from op_calls import call, close, run

REFERENCE = make_engine('reference', dtype=np.float64)

A = np.array([[1.0, 2, 3], [4, 5, 6]])
B = np.array([[1.0, 0, 2], [0, 3, 0]])
C = np.array([[1.0], [1.0]])
EXAMPLES = [
    (call('fill', 2, out=A), [[2, 2, 2], [2, 2, 2]]),
    (call('copy', A, out=B), A),
    (call('copy', A, out=np.zeros((3, 2))), [[1, 2], [3, 4], [5, 6]]),
    (call('axpby', 2, A, 0, out=B), [[2, 4, 6], [8, 10, 12]]),
    (call('axpby', 2, A, -1, out=B), [[1, 4, 4], [8, 7, 12]]),
    (call('copy_window', A, (0, 1), out=B, at=(1, 0), shape=(1, 2)), [[1, 0, 2], [2, 3, 0]]),
    (
        call('copy_window', A, (0, 1), out=B, at=(1, 0), shape=(1, 2), accumulate=True),
        [[1, 0, 2], [2, 6, 0]],
    ),
    (call('gather', A, [2, -1, 0], 1, out=B), [[3, 0, 1], [6, 0, 4]]),
    (call('gather', A, [1, 1], 0, out=B), [[4, 5, 6], [4, 5, 6]]),
    (call('scatter_add', A, [2, -1, 2], 1, out=B), [[0, 0, 4], [0, 0, 10]]),
    (call('transpose', A, [1, 0], out=A.T), [[1, 4], [2, 5], [3, 6]]),
    (
        call('transpose', A.reshape(1, 2, 3), [2, 0, 1], out=np.zeros((3, 1, 2))),
        [[[1, 4]], [[2, 5]], [[3, 6]]],
    ),
    (call('sum', A, out=C), [[6], [15]]),
    (call('sum', A, out=C, accumulate=True), [[7], [16]]),
    (call('sum', A, out=np.array([[9.0]])), [[21]]),
    (call('dot', A, B, out=C), [[7], [15]]),
    (call('dot', A, B, out=C, accumulate=True), [[8], [16]]),
    (call('max_backward', A[:, :1], C, out=A.reshape(2, 3, 1)), [[[0], [1], [0]], [[0], [4], [0]]]),
    (
        call('one_hot', np.array([[2.0, 0.9]]), None, out=np.ones((1, 3, 2))),
        [[[0, 1], [0, 0], [1, 0]]],
    ),
    (call('one_hot', np.array([[2.0, 9]]), 9, out=np.ones((1, 3, 2))), [[[0, 0], [0, 0], [1, 0]]]),
    (call('binary', 'add', A, C, out=B), [[2, 3, 4], [5, 6, 7]]),
    (call('binary', 'sub', A, B, out=B), [[0, 2, 1], [4, 2, 6]]),
    (call('binary', 'mul', A, B, out=B), [[1, 0, 6], [0, 15, 0]]),
    (call('binary', 'div', B, A, out=B), [[1, 0, 2 / 3], [0, 0.6, 0]]),
    (call('binary', 'max', A - 2, B, out=B), [[1, 0, 2], [2, 3, 4]]),
    (call('binary', 'equal', A - 2, B, out=B), [[0, 1, 0], [0, 1, 0]]),
    (call('binary', 'not_equal', A - 2, B, out=B), [[1, 0, 1], [1, 0, 1]]),
    (call('binary', 'greater', A - 2, B, out=B), [[0, 0, 0], [1, 0, 1]]),
    (call('binary', 'greater_equal', A - 2, B, out=B), [[0, 1, 0], [1, 1, 1]]),
    (call('binary', 'prelu', A - 2, C / 4, out=B), [[-0.25, 0, 1], [2, 3, 4]]),
    (call('binary', 'prelu_slope', A - 2, C / 4, out=B), [[0.25, 0.25, 1], [1, 1, 1]]),
    (call('binary', 'sigmoid_cross_entropy', A, B > 0, out=B), np.log1p(np.exp(A)) - A * (B > 0)),
]


@pytest.mark.parametrize('c, expected', EXAMPLES, ids=lambda value: getattr(value, 'id', ''))
def test_examples(c, expected):
    close(run(REFERENCE, c)['out'], expected)


def test_every_binary_function_has_an_example():
    assert {c.inputs[0] for c, _ in EXAMPLES if c.op == 'binary'} == BINARY.keys()


def test_moments():
    found = run(REFERENCE, call('moments', A, mean=np.zeros((2, 1)), var=np.zeros((2, 1))))
    close(found['mean'], [[2], [5]])
    close(found['var'], [[2 / 3], [2 / 3]])


@pytest.mark.parametrize(
    'pieces, out, winner',
    [
        ([1, 2, 3], 3, 2),
        ([3, 2, 1], 3, 0),
        ([2, 2, 1], 2, 1),
        ([1, 2, 2], 2, 1),
        ([2, 1, 2], 2, 0),
        ([2, 2, 2], 2, 1),
    ],
)
def test_ties_of_the_max_go_where_caffe_sends_them(pieces, out, winner):
    x = np.reshape(pieces, (1, 3, 1)) * 1.0
    found = run(REFERENCE, call('max_forward', x, out=np.zeros((1, 1)), winner=np.zeros((1, 1))))
    assert (found['out'].item(), found['winner'].item()) == (out, winner)
