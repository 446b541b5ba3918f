"""The fast engine's kernels, for each instruction set: against the float64 reference over odd
shapes, the same bits for any number of threads, and what falls back to the reference.
"""

import ctypes
import functools

import numpy as np
import pytest
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.fast import native
from goodinit.netlib.engines.interface import Window
from goodinit.netlib.engines.reference.elementwise import BINARY, UNARY
from goodinit.netlib.errors import EngineError
from goodinit.netlib.memory import Tensor
from goodinit.netlib.shapes import conv_extent, pool_extent
from op_calls import call, draw, run, scale_shift_calls, tensor, unary_calls

ISAS = native.instruction_sets() if native.LIBRARY.exists() else []
REFERENCE = make_engine('reference', dtype=np.float64)
WINOGRAD = {
    'conv_forward',
    'conv_backward_data',
    'conv_backward_weights',
}  # may go by Winograd's transform
pytestmark = pytest.mark.skipif(not ISAS, reason='goodinit was installed without a C++ compiler')


@pytest.fixture(params=ISAS)
def fast(request, monkeypatch):
    monkeypatch.setenv('GOODINIT_ISA', request.param)
    return functools.partial(make_engine, 'fast')


def convolution(seed):
    """A convolution of random shape; every fourth is one for Winograd's transform, another is
    pointwise."""
    rng = np.random.default_rng(seed)

    def pair(low, high):
        return tuple(int(n) for n in rng.integers(low, high + 1, 2))

    groups, extra = int(rng.choice([1, 1, 2, 3])), 0
    if seed % 4 == 0:
        kernel = (5, 5) if seed % 8 else (3, 3)
        w, channels, images = (
            Window(kernel, (1, 1), pair(0, 4), (1, 1)),
            rng.integers(16, 70, 2),
            12,
        )
    elif seed % 4 == 1:
        w, channels, images = (
            Window((1, 1), (1, 1), (0, 0), pair(1, 2)),
            rng.integers(1, 40, 2),
            1 + seed % 8 // 4,
        )
        groups, extra = seed % 3 // 2 + 1, 20
    else:
        w, channels, images = (
            Window(pair(1, 5), pair(1, 4), pair(0, 4), pair(1, 2)),
            rng.integers(1, 40, 2),
            3,
        )
    image = tuple(
        max(d * (k - 1) + 1 - 2 * p, 1) + extra + int(rng.integers(0, 20))
        for k, p, d in zip(w.kernel, w.pad, w.dilation, strict=True)
    )
    C, M = (int(n) for n in channels)
    x, W = draw(images, groups * C, *image), draw(groups * M, C, *w.kernel)
    dy = draw(
        images, groups * M, *(conv_extent(n, *rest) for n, *rest in zip(image, *w, strict=True))
    )
    places = rng.permutation(len(x) * dy[0, 0].size)[:70].tolist()
    return [
        call('conv_forward', x, W, w, groups, out=draw(*dy.shape)),
        call(
            'conv_forward', x, W, w, groups, draw(len(W)), True, draw(len(W)), out=draw(*dy.shape)
        ),
        call('conv_backward_data', dy, W, w, groups, out=draw(*x.shape)),
        call('conv_backward_weights', x, dy, w, groups, out=draw(*W.shape)),
        call('conv_squared_gradients', x, dy, w, groups, out=draw(*W.shape)),
        call(
            'patches',
            x,
            w,
            groups,
            places,
            out=draw(groups, len(places), C * w.kernel[0] * w.kernel[1]),
        ),
    ]


def pooling(seed):
    rng = np.random.default_rng(seed)
    kernel, stride = (tuple(int(n) for n in rng.integers(1, high, 2)) for high in (6, 5))
    pad = tuple(int(rng.integers(0, k)) for k in kernel)
    w = Window(kernel, stride, pad, (1, 1))
    image = tuple(k + int(rng.integers(0, 40)) for k in kernel)
    if seed % 8 == 7:
        w = Window(image, (1, 1), (0, 0), (1, 1))  # global
    extents = [
        pool_extent(n, k, s, p, seed % 3 > 0, any(w.pad))
        for n, k, s, p in zip(image, *w[:3], strict=True)
    ]
    x = np.round(draw(2, 3, *image))  # with ties
    y = run(
        REFERENCE,
        call('pool_max_forward', x, w, out=draw(2, 3, *extents), mask=draw(2, 3, *extents)),
    )
    dy = draw(*y['out'].shape)
    return [
        call('pool_max_forward', x, w, out=draw(*dy.shape), mask=draw(*dy.shape)),
        call('pool_mask_backward', dy, y['mask'], w, out=draw(*x.shape)),
        call('pool_ave_forward', x, w, out=draw(*dy.shape)),
        call('pool_ave_backward', dy, w, out=draw(*x.shape)),
    ]


def product(M, N, K):
    return [
        call(
            'gemm',
            draw(*((K, M) if a else (M, K))),
            draw(*((N, K) if b else (K, N))),
            out=draw(M, N),
            transpose_a=a,
            transpose_b=b,
            accumulate=add,
        )
        for a in (False, True)
        for b in (False, True)
        for add in (False, True)
    ]


def elementwise(shape, other):
    x, z = (draw(*shape, low=-1) for _ in range(2))  # sums do not cancel
    y = draw(*other)
    sums = (
        tuple(1 if n == m else n for n, m in zip(shape, other, strict=True))
        if shape != other
        else other
    )
    return [
        *(
            call('binary', name, *pair, out=draw(*shape))
            for name in BINARY
            for pair in ((x, y), (y, x))
        ),
        *(c for name in UNARY for c in unary_calls(name, shape)),
        *(
            call('sum', x, out=draw(*out), accumulate=add)
            for out in (other, sums)
            for add in (False, True)
        ),
        *(
            call('dot', x, z, out=draw(*out), accumulate=add)
            for out in (other, sums)
            for add in (False, True)
        ),
        call('moments', x, mean=draw(*other), var=draw(*other)),
        *(
            call('unary', 'power', x, power, 0.5, 2, out=draw(*shape))
            for power in (-0.5, 0.5, 0.7, 1)
        ),
        call('standardize', x, draw(*other), draw(*other), out=draw(*shape)),
        call('standardize_backward', x, draw(*other), z, out=draw(*shape)),
        *scale_shift_calls(shape, other),
        *(call('axpby', 0.5, x, beta, out=draw(*shape)) for beta in (0, 1, -2)),
        call('fill', 3, out=draw(*shape)),
        call('dropout_mask', 2**62 + 5, 0.4, out=draw(*shape)),
    ]


def maximum(outer, pieces, inner):
    x, y = np.round(draw(outer, pieces, inner)), draw(outer, inner)  # with ties
    forward = call('max_forward', x, out=y, winner=y)
    return [forward, call('max_backward', y, run(REFERENCE, forward)['winner'], out=x)]


def softmax(outer, classes, inner):
    x, label = (
        draw(outer, classes, inner, low=-50, high=50),
        np.floor(draw(outer, inner, low=0, high=classes)),
    )
    forward = call('softmax_forward', x, out=x)
    return [
        forward,
        call('softmax_backward', run(REFERENCE, forward)['out'], x, out=x),
        *(call('one_hot', label, ignore, out=x) for ignore in (None, 1)),
    ]


def windows(shape, start, out, at, box):
    return [
        call('copy_window', draw(*shape), start, out=draw(*out), at=at, shape=box, accumulate=add)
        for add in (False, True)
    ]


def normalization(shape, size):
    calls = []
    for fields in ((size, 0.5, 0.75, 1.0), (size, 2.0, 0.5, 2.0), (size, 0.1, 1.3, 1.0)):
        x = draw(*shape)
        forward = call('lrn_forward', x, *fields, out=draw(*shape), scale=draw(*shape))
        made = run(REFERENCE, forward)
        calls += [
            forward,
            call(
                'lrn_backward',
                x,
                made['out'],
                draw(*shape),
                made['scale'],
                *fields[:3],
                out=draw(*shape),
            ),
        ]
    return calls


CASES = {
    **{f'convolution-{seed}': functools.partial(convolution, seed) for seed in range(24)},
    **{f'pooling-{seed}': functools.partial(pooling, seed) for seed in range(16)},
    **{
        f'gemm-{M}-{N}-{K}': functools.partial(product, M, N, K)
        for M, N, K in [
            (1, 1, 1),
            (13, 33, 7),
            (5, 300, 259),
            (250, 1, 30),
            (1, 70, 600),
            (64, 48, 0),
            (0, 3, 4),
            (300, 270, 40),
            (2, 3000, 130),
            (8, 37, 1000),
            (40, 1100, 130),
            (30, 20, 700),
        ]
    },
    **{
        f'maximum-{"-".join(map(str, shape))}': functools.partial(maximum, *shape)
        for shape in [(1, 1, 5), (3, 2, 70), (2, 5, 33), (1, 3, 40000), (0, 2, 4)]
    },
    **{
        f'softmax-{"-".join(map(str, shape))}': functools.partial(softmax, *shape)
        for shape in [(3, 10, 1), (2, 1000, 1), (2, 5, 700), (1, 3, 40000), (4, 2, 3), (0, 2, 4)]
    },
    **{
        f'elementwise-{i}': functools.partial(elementwise, *shapes)
        for i, shapes in enumerate(
            [
                ((3, 5, 7), (1, 5, 1)),
                ((4, 37), (1, 37)),
                ((40, 3), (40, 1)),
                ((2, 3, 4, 5), (2, 1, 4, 1)),
                ((67,), (1,)),
                ((70000,), (1,)),
                ((2, 3, 19000), (1, 3, 1)),
                ((1, 1, 1), (1, 1, 1)),
                ((3, 4, 5), (3, 4, 5)),
                ((2, 2, 2, 2, 2), (1, 2, 1, 2, 1)),
                ((5, 1, 3), (1, 1, 3)),
            ]
        )
    },
    'window-rows': functools.partial(
        windows, (3, 40, 7), (0, 5, 0), (3, 90, 7), (0, 30, 0), (3, 30, 7)
    ),
    'window-box': functools.partial(
        windows, (3, 4, 5, 6), (1, 0, 2, 3), (2, 9, 4, 5), (0, 4, 1, 2), (2, 3, 3, 2)
    ),
    'window-column': functools.partial(windows, (4, 5), (0, 2), (6, 3), (1, 1), (4, 1)),
    **{
        f'lrn-{shape}-{size}': functools.partial(normalization, shape, size)
        for shape, size in [((2, 7, 9, 9), 5), ((2, 3, 1, 1), 7), ((1, 20, 70), 3), ((3, 4), 5)]
    },
}


@pytest.mark.parametrize('case', CASES)
def test_kernels_agree_with_the_reference(case, fast):
    engine = fast()
    for c in CASES[case]():
        ours, expected = run(engine, c), run(REFERENCE, c)
        for name, array in expected.items():
            largest = np.abs(array[np.isfinite(array)]).max(
                initial=1
            )  # an empty window has no average
            np.testing.assert_allclose(
                ours[name],
                array,
                rtol=0,
                atol=largest * (1e-4 if c.op in WINOGRAD else 1e-5),
                err_msg=f'{c.id}: {name}',
            )


@pytest.mark.parametrize(
    'case',
    [
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
    engine, calls = fast(), CASES[case]()
    found = []
    for n in (1, 2, 3):
        with threads(n):
            found.append([run(engine, c) for c in calls])
    for other in found[1:]:
        for c, ours, theirs in zip(calls, found[0], other, strict=True):
            for name in ours:
                np.testing.assert_array_equal(ours[name], theirs[name], err_msg=f'{c.id}: {name}')


class threads:
    """OpenMP's number of threads, for a while."""

    def __init__(self, n):
        self.n, self.openmp = n, ctypes.CDLL(str(native.LIBRARY))

    def __enter__(self):
        self.before = self.openmp.omp_get_max_threads()
        self.openmp.omp_set_num_threads(self.n)

    def __exit__(self, *error):
        self.openmp.omp_set_num_threads(self.before)


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


def test_without_kernels_it_is_the_reference(monkeypatch):
    monkeypatch.setattr(native, 'LIBRARY', native.LIBRARY.with_name('none'))
    with pytest.warns(UserWarning, match='engine fast: no compiled kernels .*Install g'):
        engine = make_engine('fast')
    c = CASES['pooling-1']()[0]
    np.testing.assert_array_equal(run(engine, c)['out'], run(make_engine('reference'), c)['out'])
