"""The CUDA engine beyond its ops, which test_engines.py runs: kernels and memory."""

import numpy as np
import pytest
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.calling import OPS
from goodinit.netlib.engines.cuda.engine import Cuda
from goodinit.netlib.engines.interface import Engine
from goodinit.netlib.engines.reference.elementwise import BINARY, UNARY
from goodinit.netlib.memory import Memory, Tensor
from op_calls import all_calls, call, draw, run

CALLS = all_calls(UNARY, BINARY)
NOT_YET: set[str] = set()  # ops that the engine lacks: one that is written must leave this list


def test_which_ops_are_there():
    assert {op for op in OPS if getattr(Cuda, op) is getattr(Engine, op)} == NOT_YET


# -- kernels


@pytest.mark.cuda
def test_the_order_of_the_threads_does_not_matter(cuda, cuda_device, monkeypatch):
    """A barrier that is missing shows in one order or the other."""
    if cuda_device == 'real':
        pytest.skip('a GPU runs its threads in an order of its own')
    forwards = [run(cuda, c) for c in CALLS]
    monkeypatch.setenv('CUDA_EMULATOR_REVERSED', '1')
    for c, expected in zip(CALLS, forwards, strict=True):
        for name, array in run(cuda, c).items():
            np.testing.assert_array_equal(array, expected[name], err_msg=f'{c.id} {name}')


# More terms, classes or elements than a block has threads, and just as many; axes that must be
# joined or must not.
LARGE = [
    call('sum', draw(2, 1000), out=draw(2, 1)),
    call('sum', draw(3, 256, 2), out=draw(1, 1, 2)),
    call('dot', draw(257, 3), draw(257, 3), out=draw(1, 3)),
    call('moments', draw(7, 2, 75), mean=draw(1, 2, 1), var=draw(1, 2, 1)),
    call('softmax_forward', draw(2, 600, 2), out=draw(2, 600, 2)),
    call('softmax_backward', draw(2, 600, 2), draw(2, 600, 2), out=draw(2, 600, 2)),
    call('axpby', 2, draw(3, 257), 1, out=draw(3, 257)),
    call('fill', 3, out=draw(1025)),
    call('binary', 'sub', draw(2, 1, 3, 1, 2), draw(1, 5, 3, 2, 1), out=draw(2, 5, 3, 2, 2)),
    call('sum', draw(2, 3, 1, 2, 3, 2), out=draw(2, 1, 1, 2, 1, 2)),
    call('binary', 'add', draw(1, 3), draw(1, 3), out=draw(2, 3)),
]


@pytest.mark.cuda
@pytest.mark.parametrize('c', LARGE, ids=lambda c: f'{c.id}-{c.keywords}'[:40])
def test_ops_on_more_than_a_block(c, cuda):
    """Up to what rounding does to so many terms: they may be large where their sum is small."""
    found = run(cuda, c)
    most = max([x.size for x in c.inputs if isinstance(x, np.ndarray)], default=1)
    for name, array in run(make_engine('reference', dtype=np.float64), c).items():
        tolerance = max(1e-5 * np.abs(array).max(initial=1), 1e-6 * most / array.size)
        np.testing.assert_allclose(found[name], array, rtol=0, atol=tolerance)


@pytest.mark.cuda
def test_ops_under_watch(cuda_device):
    """They write all of what they shall, and read nothing of what was there before."""
    watched = make_engine('checked:cuda')
    for c in CALLS:
        run(watched, c)


@pytest.mark.cuda
@pytest.mark.filterwarnings('ignore::RuntimeWarning')  # NumPy's, of the reference
def test_nan_and_infinity_go_through_as_in_the_reference(cuda):
    special = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 1, -1])
    for c in CALLS:
        if c.op == 'unary':
            c = call('unary', c.inputs[0], special, *c.inputs[2:], out=special)
        elif c.op == 'binary':
            c = call('binary', c.inputs[0], special[:, None], special[None], out=np.zeros((7, 7)))
        else:
            continue
        np.testing.assert_allclose(
            run(cuda, c)['out'], run(make_engine('reference'), c)['out'], 1e-6, err_msg=c.id
        )


@pytest.mark.cuda
def test_nothing_is_launched_for_nothing(cuda):
    nothing = np.zeros((0, 3))
    of_no_rows = call('gemm', nothing, np.zeros((3, 2)), out=np.zeros((0, 2)))
    of_no_terms = call('gemm', nothing.T, nothing, out=draw(3, 3))
    assert run(cuda, call('unary', 'abs', nothing, out=nothing))['out'].shape == (0, 3)
    assert run(cuda, of_no_rows)['out'].shape == (0, 2)
    assert run(cuda, of_no_terms)['out'].tolist() == [[0] * 3] * 3


# -- memory


@pytest.mark.cuda
def test_memory_moves_between_host_and_device(cuda):
    memory = Memory(6)
    x = Tensor((2, 3), memory)
    cuda.fill(7, out=x[1])
    assert (memory.head, memory.held) == ('device', 24)
    assert x.array().tolist() == [[0] * 3, [7] * 3]
    assert (memory.head, memory.held) == ('both', 48)
    x.array(write=True)[0] = [1, 2, 3]
    cuda.axpby(1, x[0], 1, out=x[1])
    assert memory.head == 'device'
    assert x.array().tolist() == [[1, 2, 3], [8, 9, 10]]
    memory.free()
    cuda.axpby(2, x[0], 1, out=x[1])
    assert x.array().tolist() == [[0] * 3] * 2
