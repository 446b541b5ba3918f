"""Calls of every op and of every elementwise function, for the tests that run an engine op by op.

    call('gemm', draw(4, 3), draw(3, 5), out=draw(4, 5))

Arrays by position are read and arrays by keyword are written, as in a layer; what an output holds
before matters only where the op adds to it.
"""

from dataclasses import dataclass
from itertools import chain, count, product, starmap
from math import prod

import numpy as np
import oracles
from composed_calls import composed_calls
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.interface import Bins, Window
from goodinit.netlib.shapes import conv_extent, pool_extent

RNG = np.random.default_rng(5)


@dataclass(frozen=True)
class Call:
    id: str
    op: str
    inputs: tuple
    keywords: dict


def call(op, *inputs, **keywords):
    names = [a for a in inputs if isinstance(a, str)]
    names += [k for k, v in keywords.items() if v is True]
    return Call('-'.join([op, *names]), op, inputs, keywords)


def run(engine, call):
    """{name: array} of what the call writes, computed by the engine."""
    written = {k: tensor(engine, v) for k, v in call.keywords.items() if isinstance(v, np.ndarray)}
    inputs = [tensor(engine, a) if isinstance(a, np.ndarray) else a for a in call.inputs]
    getattr(engine, call.op)(*inputs, **call.keywords | written)
    return {k: t.array().copy() for k, t in written.items()}


def tensor(engine, array):
    t = engine.tensor(*array.shape)
    t.array(write=True)[...] = array
    return t


def close(ours, expected, tolerance=1e-10):
    """Asserts that two arrays are equal except for rounding."""
    np.testing.assert_allclose(ours, expected, rtol=tolerance, atol=tolerance * 10)


def draw(*shape, low=-2.0, high=2.0):
    """Random numbers that float32 holds exactly."""
    return RNG.uniform(low, high, shape).astype(np.float32).astype(float)


def result(op, *inputs, **keywords):
    """What the float64 reference makes of a call: input of another one."""
    found = run(make_engine('reference', dtype=np.float64), call(op, *inputs, **keywords))['out']
    return found.astype(np.float32).astype(float)


def window(kernel, stride=1, pad=0, dilation=1, axes=2):
    fields = []
    for field in (kernel, stride, pad, dilation):
        fields.append((field,) * axes if isinstance(field, int) else field)
    return Window(*fields)


def conv_extents(image, w):
    """How many positions the window of a convolution has along each axis of an image."""
    return tuple(conv_extent(n, *rest) for n, *rest in zip(image, *w, strict=True))


def pool_extents(image, w, ceil):
    """How many positions the window of a pooling has along each axis of an image."""
    padded = any(w.pad)
    axes = zip(image, *w[:3], strict=True)
    return [pool_extent(n, k, stride, pad, ceil, padded) for n, k, stride, pad in axes]


# -- elementwise functions: the parameters to try, and the range that x is drawn from

PARAMETERS = {
    'relu': [(0,), (0.25,)],
    'elu': [(0.5,)],
    'power': [(0, 1, 2), (1, 2, -1), (2, -1, 0.5), (3, 0.5, 0), (-0.5, 1, 3)],
    'exp': [(0.5, 2)],
    'log': [(1, 1, 2.5), (0.5, 2, 5)],
    'log_floor': [(0.5,)],
    'swish': [(1.5,)],
    'clip': [(-1, 0.5)],
    'threshold': [(0.25,)],
}
COMPARISONS = {'equal', 'not_equal', 'greater', 'greater_equal'}


def unary_calls(name, shape=(3, 5)):
    for parameters in PARAMETERS.get(name, [()]):
        x = draw(*shape)
        y = result('unary', name, x, *parameters, out=x)
        yield call('unary', name, x, *parameters, out=draw(*shape))
        yield call('unary_backward', name, x, y, draw(*shape), *parameters, out=draw(*shape))


def binary_calls(name):
    for a, b in (((2, 3, 4), (2, 3, 4)), ((2, 3, 4), (1, 3, 1)), ((2, 1, 4), (1, 3, 4))):
        a = draw(*a)
        b = draw(*b)
        if name in COMPARISONS:
            a = np.round(a)
            b = np.round(b)
        yield call('binary', name, a, b, out=draw(2, 3, 4))


# -- moving values


def moving_calls():
    for accumulate in (False, True):
        box = {'at': (0, 2, 1), 'shape': (2, 3, 1), 'accumulate': accumulate}
        yield call('copy_window', draw(3, 4, 2), (1, 0, 1), out=draw(4, 5, 2), **box)
    yield call('fill', 2.5, out=draw(2, 3))
    yield call('copy', draw(2, 3), out=draw(2, 3))
    yield call('copy', draw(2, 3, 4), out=draw(6, 4))
    for alpha, beta in ((1, 0), (-0.5, 0), (1, 1), (2, -0.5), (0, 3)):
        yield call('axpby', alpha, draw(2, 3), beta, out=draw(2, 3))
    yield call('axpby', 2, draw(2, 3), 1, out=draw(6))
    for axis, extent in ((0, 4), (1, 3), (2, 5)):
        index = [extent - 1, -1, 0, 1, 0, -1]
        every = [4, 3, 5]
        some = [4, 3, 5]
        some[axis] = len(index)
        yield call('gather', draw(*every), index, axis, out=draw(*some))
        yield call('scatter_add', draw(*some), index, axis, out=draw(*every))
    for order in ((0, 1, 2, 3), (0, 2, 3, 1), (3, 1, 0, 2)):
        shape = (2, 3, 4, 5)
        moved = [shape[axis] for axis in order]
        yield call('transpose', draw(*shape), order, out=draw(*moved))
    yield call('dropout_mask', 12345678901, 0.3, out=draw(7, 11))
    for ignore in (None, 1):
        yield call('one_hot', np.floor(draw(2, 3, low=0, high=4)), ignore, out=draw(2, 4, 3))


# -- reductions and matrices


def reduction_calls():
    for accumulate in (False, True):
        yield call('sum', draw(2, 3, 4), out=draw(1, 3, 1), accumulate=accumulate)
        yield call('dot', draw(2, 3, 4), draw(2, 3, 4), out=draw(2, 1, 4), accumulate=accumulate)
    yield call('sum', draw(2, 3), out=draw(1, 1))
    yield call('sum', draw(2, 3), out=draw(2, 3))
    for shape in ((1, 3, 1), (2, 1, 4), (1, 1, 1)):
        yield call('moments', draw(2, 3, 4), mean=draw(*shape), var=draw(*shape))
    ties = np.round(draw(3, 4, 5))
    winner = np.floor(draw(3, 5, low=0, high=4))
    yield call('max_forward', ties, out=draw(3, 5), winner=draw(3, 5))
    yield call('max_backward', draw(3, 5), winner, out=draw(3, 4, 5))


def gemm_calls(M, N, K):
    for transpose_a, transpose_b, accumulate in product((False, True), repeat=3):
        a = draw(K, M) if transpose_a else draw(M, K)
        b = draw(N, K) if transpose_b else draw(K, N)
        yield call(
            'gemm',
            a,
            b,
            out=draw(M, N),
            transpose_a=transpose_a,
            transpose_b=transpose_b,
            accumulate=accumulate,
        )


# -- convolution and pooling


def convolution_calls(window, groups, x, W):
    x = draw(*x)
    W = draw(*W)
    y = oracles.convolution(x, W, window, groups)
    images, inputs, outputs = len(x), x.shape[1], len(W)
    dy = draw(*y.shape)
    element = inputs * prod(window.kernel)
    columns = (images, element, *y.shape[2:])
    positions = RNG.permutation(images * prod(y.shape[2:]))[:5].tolist()
    for options in ((), (draw(outputs), True), (draw(outputs), False, draw(outputs))):
        yield call('conv_forward', x, W, window, groups, *options, out=draw(*y.shape))
    yield call('conv_backward_data', dy, W, window, groups, out=draw(*x.shape))
    yield call('conv_backward_weights', x, dy, window, groups, out=draw(*W.shape))
    yield call('conv_squared_gradients', x, dy, window, groups, out=draw(*W.shape))
    yield call('im2col', x, window, out=draw(*columns))
    yield call('col2im', draw(*columns), window, out=draw(*x.shape))
    rows = draw(groups, len(positions), element // groups)
    yield call('patches', x, window, groups, positions, out=rows)


def pooling_calls(window, image, extents):
    x = np.round(2 * draw(2, 3, *image)) / 2  # with ties
    largest, place, _ = oracles.pool(x, window, extents)
    y = largest.shape
    yield call('pool_max_forward', x, window, out=draw(*y), mask=draw(*y))
    yield call('pool_mask_backward', draw(*y), place, window, out=draw(*x.shape))
    yield call('pool_mask_forward', x, place, out=draw(*y))
    yield call('pool_ave_forward', x, window, out=draw(*y))
    yield call('pool_ave_backward', draw(*y), window, out=draw(*x.shape))


def roi_calls(bins, x, y):
    x = np.round(2 * draw(*x)) / 2  # with ties
    _, place = oracles.roi_pool(x, bins, y)
    yield call('roi_pool_forward', x, bins, out=draw(*y), winner=draw(*y))
    yield call('roi_pool_backward', draw(*y), place, bins, out=draw(*x.shape))


# -- normalization


def lrn_calls(x, *fields):
    x = draw(*x)
    y, scale = oracles.lrn(x, *fields)
    yield call('lrn_forward', x, *fields, out=draw(*x.shape), scale=draw(*x.shape))
    yield call('lrn_backward', x, y, draw(*x.shape), scale, *fields[:3], out=draw(*x.shape))


def scale_shift_calls(shape, other):
    x = draw(*shape, low=-1)  # sums do not cancel
    dy = draw(*shape, low=-1)
    scale = draw(*other)
    for options in ((), (draw(*other),), (None, True), (draw(*other), True)):
        yield call('scale_shift', x, scale, *options, out=draw(*shape))
    for wanted in (('out',), ('dscale', 'dshift'), ('out', 'dscale', 'dshift')):
        results = {}
        for name in wanted:
            results[name] = draw(*(shape if name == 'out' else other))
        yield call('scale_shift_backward', x, scale, dy, **results)


def normalization_calls():
    x = (2, 3, 4)
    for shape in ((1, 3, 1), (2, 1, 4), (1, 1, 1), (2, 3, 1)):
        yield call('standardize', draw(*x), draw(*shape), draw(*shape), out=draw(*x))
        yield call('standardize_backward', draw(*x), draw(*shape), draw(*x), out=draw(*x))
        yield from scale_shift_calls(x, shape)
    yield call('softmax_forward', draw(2, 4, 3), out=draw(2, 4, 3))
    yield call('softmax_backward', draw(2, 4, 3), draw(2, 4, 3), out=draw(2, 4, 3))


CONVOLUTIONS = [
    (window(3, pad=1), 1, (2, 3, 5, 4), (4, 3, 3, 3)),
    (window((2, 3), stride=2, pad=(0, 1)), 2, (2, 4, 5, 6), (6, 2, 2, 3)),
    (window(2, dilation=(2, 1)), 1, (1, 2, 5, 4), (3, 2, 2, 2)),
    (window(1), 3, (2, 3, 3, 2), (3, 1, 1, 1)),
    (window(3, stride=2, pad=1, axes=1), 1, (2, 2, 6), (2, 2, 3)),
    (window((2, 1, 2), axes=3), 1, (1, 2, 3, 2, 4), (2, 2, 2, 1, 2)),
]
POOLINGS = [
    (window(2, stride=2), (4, 6), (2, 3)),
    (window(3, stride=2), (6, 7), (3, 3)),
    (window(3, stride=2, pad=1), (5, 6), (3, 4)),
    (window((2, 3), pad=(1, 0)), (3, 4), (4, 2)),
]
# Of two regions: bins side by side, bins that overlap, one bin that is empty.
BINS = Bins(
    [1, 0],
    [[(0, 2), (2, 5)], [(1, 3), (2, 4)]],
    [[(0, 1), (1, 3), (3, 3)], [(2, 4), (2, 4), (3, 4)]],
)


def all_calls(unary, binary):
    """The calls of every op, each with its own id; `unary` and `binary` name the elementwise
    functions."""
    families = [
        moving_calls(),
        reduction_calls(),
        gemm_calls(4, 5, 3),
        normalization_calls(),
        composed_calls(call, draw, result),
        roi_calls(BINS, (2, 3, 5, 4), (2, 3, 2, 3)),
        roi_calls(Bins([], [], []), (1, 2, 3, 3), (0, 2, 2, 1)),
        lrn_calls((2, 5, 3, 2), 3, 0.5, 0.75, 1.0),
        lrn_calls((2, 3, 2), 5, 2.0, 0.5, 2.0),
    ]
    families += [*map(unary_calls, unary), *map(binary_calls, binary)]
    families += starmap(convolution_calls, CONVOLUTIONS)
    families += starmap(pooling_calls, POOLINGS)
    numbers: dict[str, count] = {}
    calls = []
    for c in chain.from_iterable(families):
        number = next(numbers.setdefault(c.id, count()))
        calls.append(Call(f'{c.id}-{number}', c.op, c.inputs, c.keywords))
    return calls
