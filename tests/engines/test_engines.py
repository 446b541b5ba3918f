"""Engines, op by op: all against the float64 reference, and that against loops, identities and
slopes."""

from contextlib import nullcontext
from inspect import signature

import numpy as np
import oracles
import pytest
from goodinit.netlib.engines import functions, make_engine
from goodinit.netlib.engines.calling import OPS
from goodinit.netlib.engines.cuda.engine import Cuda
from goodinit.netlib.engines.fast import Fast
from goodinit.netlib.engines.interface import Bins, Engine, Window, op
from goodinit.netlib.engines.reference import Reference
from goodinit.netlib.engines.reference.elementwise import BINARY, UNARY
from goodinit.netlib.engines.shape_rules import RULES
from goodinit.netlib.errors import EngineError
from goodinit.netlib.shapes import pool_extent
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from op_calls import all_calls, call, draw, run, tensor, window

REFERENCE = make_engine('reference', dtype=np.float64)
CALLS = all_calls(UNARY, BINARY)
few_examples = settings(max_examples=25, derandomize=True, deadline=None, database=None)


def test_every_op_is_called():
    assert {c.op for c in CALLS} == OPS == RULES.keys()


@pytest.mark.parametrize('c', CALLS, ids=lambda c: c.id)
def test_engines_agree(c, engine):
    ours, expected = run(engine, c), run(REFERENCE, c)
    assert ours.keys() == expected.keys()
    for name, array in expected.items():
        assert ours[name].dtype == engine.dtype
        np.testing.assert_allclose(
            ours[name], array, rtol=0, atol=1e-5 * np.abs(array).max(initial=1), err_msg=name
        )


@pytest.mark.parametrize('c', [c for c in CALLS if c.op in ('unary', 'binary')], ids=lambda c: c.id)
def test_elementwise_ops_may_write_where_they_read(c, engine):
    expected = run(engine, c)['out']
    for i, a in enumerate(c.inputs):
        if isinstance(a, np.ndarray) and a.shape == expected.shape:
            inputs = [tensor(engine, a) if isinstance(a, np.ndarray) else a for a in c.inputs]
            getattr(engine, c.op)(*inputs, out=inputs[i])
            np.testing.assert_array_equal(inputs[i].array(), expected)


# -- the reference against loops


@st.composite
def slidings(draw, axes, dilations=2):
    """A window, and an image that it fits into."""

    def each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(axes))

    w = Window(each(1, 3), each(1, 3), each(0, 2), each(1, dilations))
    image = tuple(
        draw(st.integers(max(d * (k - 1) + 1 - 2 * p, 1), 6))
        for k, p, d in zip(w.kernel, w.pad, w.dilation, strict=True)
    )
    return w, image


@few_examples
@given(st.data(), st.integers(1, 3), st.integers(1, 2), st.integers(1, 2), st.integers(1, 2))
def test_convolution(data, axes, groups, channels, outputs):
    w, image = data.draw(slidings(axes))
    x, W = draw(2, groups * channels, *image), draw(groups * outputs, channels, *w.kernel)
    y = oracles.convolution(x, W, w, groups)
    columns = oracles.im2col(x, w, y.shape[2:])
    close(reference('conv_forward', x, W, w, groups, out=zeros(y)), y)
    close(reference('im2col', x, w, out=zeros(columns)), columns)
    # Each gradient is the transpose of its linear map: <dy, A x> = <A^T dy, x>.
    dy, dcolumns = draw(*y.shape), draw(*columns.shape)
    dx = reference('conv_backward_data', dy, W, w, groups, out=zeros(x))
    dW = reference('conv_backward_weights', x, dy, w, groups, out=zeros(W))
    close(np.vdot(dx, x), np.vdot(dy, y))
    close(np.vdot(dW, W), np.vdot(dy, y))
    each = [
        reference('conv_backward_weights', x[n : n + 1], dy[n : n + 1], w, groups, out=zeros(W))
        for n in range(2)
    ]
    close(
        reference('conv_squared_gradients', x, dy, w, groups, out=zeros(W)),
        each[0] ** 2 + each[1] ** 2,
    )
    close(np.vdot(reference('col2im', dcolumns, w, out=zeros(x)), x), np.vdot(dcolumns, columns))
    # The patch at a position is a column of im2col, group by group.
    rows = (
        columns.reshape(2, groups, W[0].size, -1)
        .transpose(1, 0, 3, 2)
        .reshape(groups, -1, W[0].size)
    )
    positions = list(range(rows.shape[1]))[::-1]
    close(reference('patches', x, w, groups, positions, out=zeros(rows)), rows[:, ::-1])


@few_examples
@given(st.data(), st.booleans())
def test_pooling(data, ceil):
    w, image = data.draw(slidings(2, dilations=1))
    assume(all(p < k for p, k in zip(w.pad, w.kernel, strict=True)))
    extents = [
        pool_extent(n, k, s, p, ceil, any(w.pad)) for n, k, s, p in zip(image, *w[:3], strict=True)
    ]
    ends = [(e - 1) * s - p for e, s, p in zip(extents, w.stride, w.pad, strict=True)]
    assume(all(end < n for end, n in zip(ends, image, strict=True)))  # no window is empty
    x = np.round(draw(1, 2, *image))
    largest, place, average = oracles.pool(x, w, extents)
    y = largest
    found = run(REFERENCE, call('pool_max_forward', x, w, out=zeros(y), mask=zeros(y)))
    close(found['out'], largest)
    close(found['mask'], place)
    close(reference('pool_ave_forward', x, w, out=zeros(y)), average)
    dy, dx = draw(*y.shape), zeros(x)
    for n, c, *at in np.ndindex(y.shape):
        dx[n, c].reshape(-1)[int(place[(n, c, *at)])] += dy[(n, c, *at)]
    close(reference('pool_mask_backward', dy, place, w, out=zeros(x)), dx)
    close(reference('pool_mask_forward', x, place, out=zeros(y)), largest)
    close(np.vdot(reference('pool_ave_backward', dy, w, out=zeros(x)), x), np.vdot(dy, average))


@few_examples
@given(st.data(), st.integers(0, 3), st.integers(1, 3), st.integers(1, 3))
def test_roi_pooling(data, regions, height, width):
    def spans(bins, extent):
        ends = st.tuples(st.integers(0, extent), st.integers(0, extent))
        return [[data.draw(ends) for _ in range(bins)] for _ in range(regions)]

    x, y = np.round(draw(2, 2, 4, 5)), (regions, 2, height, width)
    bins = Bins(
        [data.draw(st.integers(0, 1)) for _ in range(regions)], spans(height, 4), spans(width, 5)
    )
    largest, place = oracles.roi_pool(x, bins, y)
    found = run(REFERENCE, call('roi_pool_forward', x, bins, out=zeros(y), winner=zeros(y)))
    close(found['out'], largest)
    close(found['winner'], place)
    dy, dx = draw(*y), zeros(x)
    for region, c, *at in np.ndindex(y):
        if place[(region, c, *at)] >= 0:
            dx[bins.images[region], c].reshape(-1)[int(place[(region, c, *at)])] += dy[
                (region, c, *at)
            ]
    close(reference('roi_pool_backward', dy, place, bins, out=zeros(x)), dx)


@few_examples
@given(
    st.integers(1, 6),
    st.sampled_from([1, 3, 5, 9]),
    st.floats(0.1, 2),
    st.floats(0.25, 1.5),
    st.floats(0.5, 2),
)
def test_lrn(channels, size, alpha, beta, k):
    x = draw(2, channels, 3)
    y, scale = oracles.lrn(x, size, alpha, beta, k)
    found = run(
        REFERENCE, call('lrn_forward', x, size, alpha, beta, k, out=zeros(x), scale=zeros(x))
    )
    close(found['out'], y)
    close(found['scale'], scale)
    dy = draw(*x.shape)
    close(
        reference('lrn_backward', x, y, dy, scale, size, alpha, beta, out=zeros(x)),
        slopes(lambda x: np.vdot(dy, oracles.lrn(x, size, alpha, beta, k)[0]), x),
        1e-7,
    )


def test_softmax():
    x, dy = 3 * draw(2, 4, 3), draw(2, 4, 3)
    y = oracles.softmax(x)
    close(reference('softmax_forward', x, out=zeros(x)), y)
    close(reference('softmax_forward', x + 1000, out=zeros(x)), y)
    dx = slopes(lambda x: np.vdot(dy, oracles.softmax(x)), x)
    close(reference('softmax_backward', y, dy, out=zeros(x)), dx, 1e-7)


@pytest.mark.parametrize('transpose_a', [False, True])
@pytest.mark.parametrize('transpose_b', [False, True])
def test_gemm(transpose_a, transpose_b):
    a, b, c = draw(4, 3), draw(3, 5), draw(4, 5)
    given = {'transpose_a': transpose_a, 'transpose_b': transpose_b}
    operands = (a.T if transpose_a else a), (b.T if transpose_b else b)
    close(reference('gemm', *operands, out=c, **given), oracles.gemm(a, b))
    close(reference('gemm', *operands, out=c, accumulate=True, **given), c + oracles.gemm(a, b))


@pytest.mark.parametrize('c', [c for c in CALLS if c.op == 'unary_backward'], ids=lambda c: c.id)
def test_unary_backward_is_the_slope_of_unary(c):
    name, x, _, dy, *parameters = c.inputs

    def f(x):
        return np.vdot(dy, reference('unary', name, x, *parameters, out=zeros(x)))

    close(run(REFERENCE, c)['out'], slopes(f, x), 1e-6)


# -- the reference by example

A, B, C = (
    np.array([[1.0, 2, 3], [4, 5, 6]]),
    np.array([[1.0, 0, 2], [0, 3, 0]]),
    np.array([[1.0], [1.0]]),
)
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
def test_ties_of_the_max_go_to_whom_caffe_gives_them(pieces, out, winner):
    x = np.reshape(pieces, (1, 3, 1)) * 1.0
    found = run(REFERENCE, call('max_forward', x, out=zeros((1, 1)), winner=zeros((1, 1))))
    assert (found['out'].item(), found['winner'].item()) == (out, winner)


@pytest.mark.parametrize('ratio', [0, 0.3, 0.5, 1])
def test_dropout_mask(ratio, engine):
    mask = run(engine, call('dropout_mask', 3, ratio, out=zeros((100, 500))))['out']
    assert set(np.unique(mask)) <= {0, np.float32(1 / (1 - ratio)) if ratio < 1 else 0}
    assert abs((mask == 0).mean() - ratio) <= 4 * np.sqrt(ratio * (1 - ratio) / mask.size)
    other = run(engine, call('dropout_mask', 4, ratio, out=zeros((100, 500))))['out']
    assert abs(np.mean((mask == 0) & (other == 0)) - ratio**2) < 0.01


@pytest.mark.parametrize('label', [-1, 4, 9])
def test_labels_beyond_the_classes_are_refused(label, engine):
    with pytest.raises(
        EngineError, match=rf'found the label {label}: labels must lie in 0 .. 3, .*\(4\)'
    ):
        run(engine, call('one_hot', np.full((1, 2), float(label)), None, out=zeros((1, 4, 2))))


def test_an_empty_window_holds_what_caffe_leaves_there():
    w, x, last = window(1, stride=5), draw(1, 1, 2, 5), (0, 0, 0, 1)
    found = run(
        REFERENCE, call('pool_max_forward', x, w, out=zeros((1, 1, 1, 2)), mask=zeros((1, 1, 1, 2)))
    )
    assert (found['out'][last], found['mask'][last]) == (-np.finfo(np.float32).max, -1)
    assert np.isnan(reference('pool_ave_forward', x, w, out=zeros((1, 1, 1, 2)))[last])


# -- copies, blocks and names of functions, on every engine


def test_a_copy_has_the_same_bits(engine):
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, 1, -1])
    copied = run(engine, call('copy', special, out=np.ones((2, 4))))['out'].reshape(-1)
    np.testing.assert_array_equal(copied, special.astype(engine.dtype))
    np.testing.assert_array_equal(np.signbit(copied), np.signbit(special))


def test_a_block_computes_as_the_ops_do(engine):
    found = []
    for use in (lambda e: nullcontext(e), lambda e: e.blockwise()):
        x, y, z = (tensor(engine, np.linspace(low, 1, 7)) for low in (-1, 0.5, 0))
        with use(engine) as ops:
            for name in ('add', 'mul', 'div'):
                ops.binary(name, x, y, out=z)
                ops.axpby(0.5, z, -2, out=x)
            for name, *parameters in (('relu', 0.25), ('sign',), ('power', 2, 0.5, 1)):
                ops.unary(name, x, *parameters, out=z)
                ops.axpby(1, z, 1, out=y)
            ops.copy(y, out=x)
        found.append([t.array().copy() for t in (x, y, z)])
    np.testing.assert_allclose(*found, rtol=1e-6, atol=1e-6)


def test_a_block_copies_every_bit(engine):
    special = np.array([np.nan, np.inf, 0.0, -0.0])
    x, y = tensor(engine, special), tensor(engine, np.ones(4))
    with engine.blockwise() as block:
        block.copy(x, out=y)
    np.testing.assert_array_equal(y.array(), special)
    np.testing.assert_array_equal(np.signbit(y.array()), np.signbit(special))


def test_a_block_has_four_ops(engine):
    with engine.blockwise() as block:
        assert {name for name in OPS if hasattr(block, name)} == {
            'axpby',
            'binary',
            'copy',
            'unary',
        }


@pytest.mark.parametrize(
    'name, use',
    [
        ('copy', lambda block, x, y: block.copy(x, out=y)),
        ('axpby', lambda block, x, y: block.axpby(1, x, 0, out=y)),
        ('unary', lambda block, x, y: block.unary('relu', x, 0, out=y)),
        ('binary', lambda block, x, y: block.binary('add', y, x, out=y)),
    ],
)
def test_a_block_takes_tensors_of_one_size(name, use, engine):
    x, y = engine.tensor(1, 4), engine.tensor(3, 4)
    with (
        pytest.raises(EngineError, match=rf'blockwise: {name} takes tensors of one size; found '),
        engine.blockwise() as block,
    ):
        use(block, x, y)


@pytest.mark.parametrize(
    'c, message',
    [
        (
            call('unary', 'exq', draw(2), out=draw(2)),
            r"unknown elementwise function 'exq'; did you mean 'exp'\? \(known: abs, bnll, .*trunc\)",
        ),
        (
            call('unary_backward', 'add', draw(2), draw(2), draw(2), out=draw(2)),
            r"unknown elementwise function 'add' \(known: abs, bnll, ",
        ),
        (
            call('binary', 'relu', draw(2), draw(2), out=draw(2)),
            r"unknown elementwise function 'relu'.* \(known: add, div, .*sub\)",
        ),
        (
            call('binary', 'ad', draw(2, 1), draw(1, 2), out=draw(2, 2)),
            "unknown elementwise function 'ad'; did you mean 'add'",
        ),
    ],
)
def test_unknown_elementwise_functions_are_refused(c, message, engine):
    with pytest.raises(EngineError, match=message):
        run(engine, c)


def test_every_elementwise_function_is_declared_and_defined():
    assert (list(UNARY), list(BINARY)) == (list(functions.UNARY), list(functions.BINARY))
    for name, (value, gradient) in UNARY.items():
        x = np.ones(2)
        parameters = np.full(len(functions.UNARY[name]), 0.5)
        assert value(x, *parameters).shape == gradient(x, x, x, *parameters).shape == (2,)


# -- engines: their ops, and their names


@pytest.mark.parametrize('kind', [Reference, Fast, Cuda])
def test_implementations_have_the_signatures_of_the_interface(kind):
    for name in OPS:
        declared = signature(getattr(Engine, name)).parameters.values()
        found = signature(getattr(kind, name)).parameters.values()
        assert [(p.name, p.kind, p.default) for p in found] == [
            (p.name, p.kind, p.default) for p in declared
        ], name


def test_a_missing_op_is_an_error():
    class Partial(Engine):
        name = 'partial'

    with pytest.raises(EngineError, match="op 'gemm' is not in engine 'partial'"):
        Partial().gemm(None, None, out=None)


def test_an_op_must_be_declared():
    with pytest.raises(
        EngineError,
        match=r"Extended: op 'axpbz' is not declared in interface\.py; did you mean 'axpby'",
    ):

        class Extended(Engine):
            @op
            def axpbz(self, x, *, out):
                pass


def test_an_implementation_must_be_marked():
    with pytest.raises(
        EngineError, match="Careless: method 'fill' implements an op: decorate it with @op"
    ):

        class Careless(Engine):
            def fill(self, value, *, out):
                pass


@pytest.mark.parametrize(
    'name, message',
    [
        (
            'fas',
            r"unknown engine 'fas'; did you mean 'fast'\? \(known: reference, fast, exact, cuda, and checked:NAME",
        ),
        ('checked:referenc', "unknown engine 'referenc'; did you mean 'reference'"),
    ],
)
def test_unknown_engines_are_refused(name, message):
    with pytest.raises(EngineError, match=message):
        make_engine(name)


def test_engines_by_name():
    assert make_engine('reference').dtype == np.float32
    assert make_engine('checked').name == 'checked:reference'
    assert make_engine('checked:reference', dtype=np.float64).dtype == np.float64


# -- helpers


def reference(op, *inputs, **keywords):
    return run(REFERENCE, call(op, *inputs, **keywords))['out']


def zeros(like):
    return np.zeros(like if isinstance(like, tuple) else like.shape)


def close(ours, expected, tolerance=1e-10):
    np.testing.assert_allclose(ours, expected, rtol=tolerance, atol=tolerance * 10)


def slopes(f, x, step=1e-5):
    """The gradient of the scalar f by x, by central differences."""
    found = zeros(x)
    for at in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[at] += step
        below[at] -= step
        found[at] = (f(above) - f(below)) / (2 * step)
    return found
