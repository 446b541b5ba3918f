"""Sums, means and variances by many blocks: they are right and the same each time, for every
division of the terms."""

import numpy as np
import pytest
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.cuda import launch
from goodinit.netlib.engines.cuda.chunks import MOST_BLOCKS, Chunked, Columns, chunked, division
from goodinit.netlib.engines.cuda.declarations import Reduction
from goodinit.netlib.errors import EngineError
from goodinit.netlib.memory import Memory, Tensor
from op_calls import call, draw, run

# x and out: chunks of float4 and of single numbers, an inner axis longer and shorter than a block,
# one result and several, columns, and axes that alternate too often for either.
SHAPES = [
    ((4, 3, 64, 64), (1, 3, 1, 1)),
    ((50, 3, 17, 13), (1, 3, 1, 1)),
    ((9, 2, 5, 1001), (1, 2, 1, 1)),
    ((20000,), (1,)),
    ((3, 9001), (3, 1)),
    ((9000, 3), (1, 3)),
    ((300, 70), (1, 70)),
    ((3, 40, 35), (3, 1, 35)),
    ((2, 3, 4, 5), (1, 3, 1, 5)),
    ((2, 3, 4, 5), (2, 1, 4, 1)),
    ((1, 3, 1), (1, 3, 1)),
    ((2, 0, 3), (2, 1, 1)),
    ((0, 2, 3), (1, 2, 1)),
]


def calls(x, out):
    yield call('sum', draw(*x), out=draw(*out))
    yield call('sum', draw(*x), out=draw(*out), accumulate=True)
    yield call('dot', draw(*x), draw(*x), out=draw(*out), accumulate=True)
    if 0 not in x:
        far = np.round(64 * draw(*x)) / 64 + 1000  # a mean large against the deviation
        yield call('moments', far, mean=draw(*out), var=draw(*out))


@pytest.mark.cuda
@pytest.mark.parametrize('x, out', SHAPES)
def test_sums_over_any_axes(x, out, cuda, cuda_device, monkeypatch):
    for c in calls(x, out):
        expected = run(make_engine('reference', dtype=np.float64), c)
        found = run(cuda, c)
        for name, array in expected.items():
            bound = np.abs(array).max(initial=1) + np.sqrt(np.prod(x))
            np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-6 * bound)
        if cuda_device == 'emulated':  # in another order of blocks and threads
            with monkeypatch.context() as reversed_order:
                reversed_order.setenv('CUDA_EMULATOR_REVERSED', '1')
                again = run(cuda, c)
        else:
            again = run(cuda, c)
        for name, array in found.items():
            np.testing.assert_array_equal(again[name], array)


@pytest.mark.cuda
def test_where_a_tensor_lies_does_not_change_its_sum(cuda):
    """Loads of 16 bytes need an alignment, and otherwise the numbers come one by one."""
    memory = Memory(3 * 8192 + 1)
    found = []
    for offset in (0, 1):
        x = Tensor((2, 3, 4096), memory, offset)
        x.array(write=True)[...] = np.random.default_rng(0).normal(size=x.shape)
        mean, var = cuda.tensor(1, 3, 1), cuda.tensor(1, 3, 1)
        cuda.moments(x, mean=mean, var=var)
        total = cuda.tensor(1, 3, 1)
        cuda.sum(x, out=total)
        y = cuda.tensor(*x.shape)
        cuda.unary('power', x, 2, 1, 0, out=y)
        found.append([t.array().copy() for t in (mean, var, total, y)])
    for first, second in zip(*found, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.cuda
@pytest.mark.parametrize('x, out', SHAPES[:8])
def test_a_sum_is_one_launch(x, out, cuda, monkeypatch):
    launched, found = [], launch.function
    monkeypatch.setattr(launch, 'function', lambda *names: launched.append(names) or found(*names))
    for c in calls(x, out):
        run(cuda, c)
    assert len(launched) == 4


# Shapes that several blocks share, and of which they have a part each; means of each image; and
# columns.
NORMALIZED = [
    ((4, 3, 64, 64), (1, 3, 1, 1)),
    ((9, 2, 5, 1001), (1, 2, 1, 1)),
    ((5, 3, 20), (1, 3, 1)),
    ((2, 9000), (2, 1)),
    ((7, 40), (1, 40)),
]


@pytest.mark.cuda
@pytest.mark.parametrize('x, small', NORMALIZED)
def test_gradients_of_normalization_by_many_blocks(x, small, cuda):
    z, dy, scale = draw(*x), draw(*x), draw(*small)
    sums = {'dscale': draw(*small), 'dshift': draw(*small)}
    for c in (
        call('standardize_backward', z, scale, dy, out=draw(*x)),
        call('scale_shift_backward', z, scale, dy, out=draw(*x), **sums),
        call('scale_shift_backward', z, scale, dy, **sums),
    ):
        found = run(cuda, c)
        for name, array in run(make_engine('reference', dtype=np.float64), c).items():
            bound = np.abs(array).max(initial=1) + np.sqrt(np.prod(x))
            np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-6 * bound)


def batch_calls():
    x, each = (6, 3, 40 * 40), (1, 3, 1)
    z, dy, scale, shift = draw(*x), draw(*x), draw(*each), draw(*each)
    results = {name: draw(3) for name in ('stored_mean', 'stored_var')}
    results |= {name: draw(*each) for name in ('mean', 'inverse')}
    results |= {'z': draw(*x), 'out': draw(*x), 'factor': draw(1)}
    yield call('normalize_batch', 3 + draw(*x), 1e-5, 0.9, scale, shift, True, **results)
    y = np.maximum(scale * z + shift, 0)
    sums = {'dscale': draw(*each), 'dshift': draw(*each)}
    yield call(
        'normalize_batch_backward', z, draw(*each), dy, scale, shift, y, out=draw(*x), **sums
    )
    yield call('rectify_backward', y, dy, out=draw(*x), dshift=draw(*each))
    p, label = np.abs(draw(20000, 3, 2)), np.floor(draw(20000, 2, low=0, high=3))
    yield call('cross_entropy', p, label, 1e-3, -1e-4, out=draw(1, 1, 1))


@pytest.mark.cuda
def test_ops_that_do_the_work_of_several_by_many_blocks(cuda):
    for c in batch_calls():
        found = run(cuda, c)
        for name, array in run(make_engine('reference', dtype=np.float64), c).items():
            bound = 2e-5 * np.abs(array).max(initial=1)
            np.testing.assert_allclose(found[name], array, rtol=0, atol=bound, err_msg=name)


@pytest.mark.cuda
def test_the_counters_of_blocks_are_left_at_zero(cuda):
    run(cuda, call('sum', draw(4, 3, 64, 64), out=draw(1, 3, 1, 1)))
    counters = np.ones(MOST_BLOCKS, np.int32)
    cuda.device.download(cuda.device.arrived, counters)
    assert not counters.any()


@pytest.mark.cuda
def test_the_variance_of_one_number_is_what_its_mean_is_rounded_by(cuda):
    x = np.full((4, 2, 60, 60), 3.0)
    x[:, 1] = 1000003.25
    c = call('moments', x, mean=draw(1, 2, 1, 1), var=draw(1, 2, 1, 1))
    rounding = np.finfo(np.float32).eps * x[0, :, 0, 0]
    assert (run(cuda, c)['var'].reshape(-1) <= rounding**2).all()


def test_terms_are_divided_by_their_number_alone():
    assert division((64, 64, 112, 112), (1, 64, 1, 1)) == Chunked(64, 3136, 4, 200704, 12544, 16)
    assert division((64, 2048, 7, 7), (1, 2048, 1, 1)) == Chunked(2048, 49, 1, 3136, 3136, 1)
    assert division((64, 1000), (1, 1000)) == Columns(1, 64, 1000)
    assert division((64, 21, 500), (64, 1, 500)) == Columns(64, 21, 500)
    assert division((2, 3, 4, 5), (1, 3, 1, 5)) is None
    for outer, kept, inner in ((1, 1, 10**9), (7, 3, 4099), (1, 1024, 8), (5, 5000, 5)):
        found = chunked(outer, kept, inner)
        assert found.chunks == 1 or found.blocks <= MOST_BLOCKS
        assert found.length * (found.chunks - 1) < found.units <= found.length * found.chunks
        assert found.units * found.width == outer * inner


def test_a_kernel_counts_by_an_int():
    found = Reduction(device=None)
    message = r"engine 'cuda' takes (results|terms) of at most 2147482623 numbers; found 21474826"
    with pytest.raises(EngineError, match=message):
        found.sum_columns(2**31 - 1024, 1, 1, None, None, False, None)
    with pytest.raises(EngineError, match=message):
        found.moments_terms(chunked(2, 1, 2**30 - 512), None, 0, 0, None, None)
