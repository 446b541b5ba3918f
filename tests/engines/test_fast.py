"""The fast engine's kernels, for each instruction set: against the float64 reference over odd
shapes, the same bits for any number of threads, and what falls back to the reference.
"""

import ctypes
import functools
import os

import numpy as np
import pytest
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.fast import native
from goodinit.netlib.engines.interface import Window
from goodinit.netlib.errors import EngineError
from goodinit.netlib.memory import Tensor
from kernel_calls import CASES as SMALL
from kernel_calls import REFERENCE
from large_calls import LARGE
from op_calls import call, draw, run, tensor
from openmp import threads

ISAS = native.instruction_sets() if native.LIBRARY.exists() else []
# Ops that may go by Winograd's transform, and cases that do.
WINOGRAD = {'conv_forward', 'conv_backward_data', 'conv_backward_weights'}
SQUARES = ('squares-of-few-cells', 'squares-of-few-cells-of-groups', 'squares-of-large-images')
pytestmark = pytest.mark.skipif(not ISAS, reason='goodinit was installed without a C++ compiler')


@pytest.fixture(params=ISAS)
def fast(request, monkeypatch):
    monkeypatch.setenv('GOODINIT_ISA', request.param)
    return functools.partial(make_engine, 'fast')


CASES = SMALL | LARGE


@pytest.mark.parametrize('case', CASES)
def test_kernels_agree_with_the_reference(case, fast):
    engine = fast()
    for c in CASES[case]():
        ours, expected = run(engine, c), run(REFERENCE, c)
        by_transform = c.op in WINOGRAD or case in SQUARES
        tolerance = 1e-4 if by_transform else 1e-5
        for name, array in expected.items():
            numbers = array[np.isfinite(array)]  # an empty window has no average
            largest = np.abs(numbers).max(initial=1)
            np.testing.assert_allclose(
                ours[name], array, rtol=0, atol=largest * tolerance, err_msg=f'{c.id}: {name}'
            )


@pytest.mark.parametrize(
    'case',
    [
        *('portions', 'portions-twice-transformed', 'thinned-2-2', 'rows', 'rows-of-groups'),
        *(name for name in LARGE if 'few-cells' in name),
        'convolution-0',
        'convolution-1',
        'convolution-2',
        'pooling-1',
        'gemm-300-270-40',
        'gemm-2-3000-130',
        'gemm-40-1100-130',
        'elementwise-0',
        'elementwise-5',
        'elementwise-6',
        'softmax-2-5-700',
        'lrn-(2, 7, 9, 9)-5',
    ],
)
def test_the_number_of_threads_changes_no_bit(case, fast):
    engine, calls = fast(), list(CASES[case]())
    found = []
    for n in (1, 2, 3, 7):
        with threads(n):
            found.append([run(engine, c) for c in calls])
    for other in found[1:]:
        for c, ours, theirs in zip(calls, found[0], other, strict=True):
            for name in ours:
                np.testing.assert_array_equal(ours[name], theirs[name], err_msg=f'{c.id}: {name}')


@pytest.mark.parametrize('kernel', [3, 5])
def test_winograd_errs_little_and_exact_less(fast, kernel):
    w = Window((kernel, kernel), (1, 1), (kernel // 2, kernel // 2), (1, 1))
    x, W, dy = draw(4, 256, 14, 14), draw(64, 256, kernel, kernel), draw(4, 64, 14, 14)
    errors = {}
    for engine in (fast(), make_engine('exact')):
        for c in (
            call('conv_forward', x, W, w, 1, out=dy),
            call('conv_backward_data', dy, W, w, 1, out=x),
            call('conv_backward_weights', x, dy, w, 1, out=0 * W),
        ):
            expected = run(REFERENCE, c)['out']
            errors[engine.exact, c.op] = (
                np.abs(run(engine, c)['out'] - expected).max() / np.abs(expected).max()
            )
    for exact, op in errors:
        assert errors[exact, op] < (5e-6 if exact else 1e-4)
    assert errors[True, 'conv_backward_weights'] < errors[False, 'conv_backward_weights']


def test_an_empty_batch_is_no_work(fast):
    w = Window((3, 3), (1, 1), (1, 1), (1, 1))
    x, W = np.zeros((0, 64, 8, 8)), draw(64, 64, 3, 3)
    assert run(fast(), call('conv_forward', x, W, w, 1, out=x))['out'].shape == x.shape
    assert run(fast(), call('conv_backward_data', x, W, w, 1, out=x))['out'].shape == x.shape
    assert not run(fast(), call('sum', np.zeros((0, 3)), out=draw(1, 3)))['out'].any()


@pytest.mark.parametrize('shape', [(3, 5), (70000,), (300000,)])
def test_blockwise_ops_are_computed_at_the_end(shape, fast):
    """As several rules of solvers/rules.py compute, with some of them in place."""
    found = []
    for engine in (fast(), make_engine('reference')):
        g, h, s = (
            tensor(engine, np.linspace(low, 1, np.prod(shape)).reshape(shape)) for low in (-1, 0, 0)
        )
        with engine.blockwise() as block:
            block.axpby(0.5, h, 1, out=g)
            block.binary('mul', g, g, out=s)
            block.axpby(0.25, s, 0.75, out=h)
            block.unary('power', h, 0.5, 1, 0.125, out=s)
            block.binary('div', g, s, out=g)
        found.append([t.array().copy() for t in (g, h, s)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def test_blockwise_ops_may_differ_in_size(fast):
    engine = fast()
    small, large, s = engine.tensor(5), engine.tensor(70000), engine.tensor(70000)
    with engine.blockwise() as block:
        for x, value in ((small, 2), (large, 3)):
            part = Tensor(x.shape, s.memory)
            block.unary('power', part, 1, 0, value, out=part)
            block.axpby(10, part, 0, out=x)
    assert set(small.array()) == {20} and set(large.array()) == {30}


def test_nothing_is_computed_before_the_end_of_a_block(fast):
    engine = fast()
    x, y = engine.tensor(3), engine.tensor(3)
    with engine.blockwise() as block:
        block.unary('power', x, 1, 0, 2, out=y)
        assert not y.array().any()
    assert set(y.array()) == {2}


def test_a_block_that_fails_computes_nothing(fast):
    engine = fast()
    x = engine.tensor(3)
    with pytest.raises(EngineError, match='unknown elementwise'), engine.blockwise() as block:
        block.unary('power', x, 1, 0, 2, out=x)
        block.unary('cube', x, out=x)
    assert not x.array().any()
    engine.unary('power', x, 1, 0, 2, out=x)  # as before
    assert set(x.array()) == {2}


@pytest.mark.parametrize(
    'name, f, parameters',
    [
        ('exp', np.exp, (1, 1)),
        ('log', np.log, (1, 1, 0)),
        ('tanh', np.tanh, ()),
        ('power', np.sqrt, (0.5, 1, 0)),
        ('elu', lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), (1,)),
        ('bnll', lambda x: np.logaddexp(0, x), ()),
        ('power', lambda x: x**3, (3, 1, 0)),
        ('power', lambda x: x ** np.float64(np.float32(-0.7)), (-0.7, 1, 0)),
    ],
)
def test_functions_err_by_a_few_units_in_the_last_place(name, f, parameters, fast):
    numbers = np.random.default_rng(0)
    x = np.concatenate(
        [
            numbers.uniform(-100, 85, 9999),
            numbers.uniform(-1, 2, 9999),
            2 ** numbers.uniform(-90, 40, 9999),
            [0, 1e-40, 88.7, 90, -90, 3e38, -3e38, np.inf, -np.inf, np.nan, 1, -1],
        ]
    ).astype(np.float32)
    with np.errstate(all='ignore'):
        expected = f(x.astype(float))
        rounded = expected.astype(np.float32)
    found = run(fast(), call('unary', name, x, *parameters, out=x))['out']
    finite = np.isfinite(rounded)
    np.testing.assert_array_equal(found[~finite], rounded[~finite])
    assert (
        np.abs(found[finite] - expected[finite]) <= 5 * np.spacing(np.abs(rounded[finite]))
    ).all()


def test_a_window_that_no_memory_holds_is_an_error(fast):
    w = Window((2**32 - 1,) * 2, (1, 1), (2**31 - 1,) * 2, (1, 1))
    with pytest.raises(EngineError, match='too large to compute'):
        run(fast(), call('pool_ave_forward', draw(1, 1, 5, 5), w, out=draw(1, 1, 5, 5)))


@pytest.mark.parametrize('count', [1, 2])
def test_yardsticks_tell_what_was_done(count, fast):
    yardstick = fast().kernels.yardstick
    with threads(count):
        assert yardstick['multiply_adds'](3) % (3 * 12 * count) == 0
        assert yardstick['round_trips'](3) == (3 if count == 2 and os.cpu_count() > 1 else 0)


def test_nan_stays_nan(fast):
    x = np.array([[np.nan, -1, 2, -np.inf]])
    for c in (
        call('unary', 'relu', x, 0, out=draw(1, 4)),
        call('binary', 'max', x, draw(1, 4), out=draw(1, 4)),
        call('binary', 'max', np.zeros((1, 1)), x, out=draw(1, 4)),
        call('sum', x, out=draw(1, 1)),
    ):
        np.testing.assert_array_equal(
            run(fast(), c)['out'], run(make_engine('reference'), c)['out'], err_msg=c.id
        )


def test_float64_is_the_references():
    c = CASES['convolution-1']()[0]
    engine = make_engine('fast', dtype=np.float64)
    np.testing.assert_array_equal(run(engine, c)['out'], run(REFERENCE, c)['out'])


def test_unknown_instruction_sets_are_refused(monkeypatch):
    monkeypatch.setenv('GOODINIT_ISA', 'baselin')
    with pytest.raises(EngineError, match=r"GOODINIT_ISA: .*'baselin'; did you mean 'baseline'"):
        make_engine('fast')


@pytest.fixture
def other_library(monkeypatch):
    """Another file in place of the compiled library, for one test."""
    yield lambda path: monkeypatch.setattr(native, 'LIBRARY', path) or native.library.cache_clear()
    native.library.cache_clear()


def test_without_kernels_it_is_the_reference(other_library, tmp_path):
    other_library(tmp_path / 'none')
    with pytest.warns(
        UserWarning,
        match=r'engine fast: no compiled kernels \(goodinit was installed without a C\+\+ compiler'
        r'\): install g\+\+, then goodinit again. Until then NumPy computes, \d+ to \d+ times',
    ):
        engine = make_engine('fast')
    c = CASES['pooling-1']()[0]
    np.testing.assert_array_equal(run(engine, c)['out'], run(make_engine('reference'), c)['out'])


@pytest.mark.parametrize(
    'reason, way_out',
    [
        ('libgomp.so.1: cannot open shared object file', 'apt install libgomp1'),
        ('invalid ELF header', 'install goodinit again'),
    ],
)
def test_kernels_that_cannot_be_loaded_are_told_with_a_way_out(
    reason, way_out, other_library, monkeypatch
):
    def refuse(path):
        raise OSError(reason)

    other_library(native.LIBRARY)
    monkeypatch.setattr(ctypes, 'CDLL', refuse)
    words = rf'the compiled kernels cannot be loaded \({reason}\): {way_out}\. Until then NumPy'
    with pytest.warns(UserWarning, match=words):
        assert not hasattr(make_engine('fast'), 'kernels')
