"""Calls of every op and of every elementwise function, for the tests that run an engine op by op.

    call('gemm', draw(4, 3), draw(3, 5), out=draw(4, 5))

Arrays by position are read and arrays by keyword are written, as in a layer; what an output holds
before matters only where the op adds to it.
"""

from dataclasses import dataclass
from itertools import count

import numpy as np
import oracles
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.interface import Bins, Window

RNG = np.random.default_rng(5)


@dataclass(frozen=True)
class Call:
    id: str
    op: str
    inputs: tuple
    keywords: dict


def call(op, *inputs, **keywords):
    names = [a for a in inputs if isinstance(a, str)] + [
        k for k, v in keywords.items() if v is True
    ]
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


def draw(*shape, low=-2.0, high=2.0):
    """Random numbers that float32 holds exactly."""
    return RNG.uniform(low, high, shape).astype(np.float32).astype(float)


def result(op, *inputs, **keywords):
    """What the float64 reference makes of a call: input of another one."""
    found = run(make_engine('reference', dtype=np.float64), call(op, *inputs, **keywords))['out']
    return found.astype(np.float32).astype(float)


def window(kernel, stride=1, pad=0, dilation=1, axes=2):
    return Window(
        *((n,) * axes if isinstance(n, int) else n for n in (kernel, stride, pad, dilation))
    )


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
        a, b = draw(*a), draw(*b)
        if name in COMPARISONS:
            a, b = np.round(a), np.round(b)
        yield call('binary', name, a, b, out=draw(2, 3, 4))


def convolution_calls(window, groups, x, W):
    x, W = draw(*x), draw(*W)
    y = oracles.convolution(x, W, window, groups)
    dy = draw(*y.shape)
    columns = (len(x), x.shape[1] * int(np.prod(window.kernel)), *y.shape[2:])
    positions = RNG.permutation(len(x) * int(np.prod(y.shape[2:])))[:5].tolist()
    yield call('conv_forward', x, W, window, groups, out=draw(*y.shape))
    yield call('conv_forward', x, W, window, groups, draw(len(W)), True, out=draw(*y.shape))
    yield call(
        'conv_forward', x, W, window, groups, draw(len(W)), False, draw(len(W)), out=draw(*y.shape)
    )
    yield call('conv_backward_data', dy, W, window, groups, out=draw(*x.shape))
    yield call('conv_backward_weights', x, dy, window, groups, out=draw(*W.shape))
    yield call('conv_squared_gradients', x, dy, window, groups, out=draw(*W.shape))
    yield call('im2col', x, window, out=draw(*columns))
    yield call('col2im', draw(*columns), window, out=draw(*x.shape))
    yield call(
        'patches',
        x,
        window,
        groups,
        positions,
        out=draw(groups, len(positions), columns[1] // groups),
    )


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


def lrn_calls(x, *fields):
    x = draw(*x)
    y, scale = oracles.lrn(x, *fields)
    yield call('lrn_forward', x, *fields, out=draw(*x.shape), scale=draw(*x.shape))
    yield call('lrn_backward', x, y, draw(*x.shape), scale, *fields[:3], out=draw(*x.shape))


def scale_shift_calls(shape, other):
    x, s, dy = draw(*shape, low=-1), draw(*other), draw(*shape, low=-1)  # sums do not cancel
    for options in ((), (draw(*other),), (None, True), (draw(*other), True)):
        yield call('scale_shift', x, s, *options, out=draw(*shape))
    for wanted in (('out',), ('dscale', 'dshift'), ('out', 'dscale', 'dshift')):
        yield call(
            'scale_shift_backward',
            x,
            s,
            dy,
            **{k: draw(*(shape if k == 'out' else other)) for k in wanted},
        )


def plain_calls():
    for accumulate in (False, True):
        yield call(
            'copy_window',
            draw(3, 4, 2),
            (1, 0, 1),
            out=draw(4, 5, 2),
            at=(0, 2, 1),
            shape=(2, 3, 1),
            accumulate=accumulate,
        )
        yield call('sum', draw(2, 3, 4), out=draw(1, 3, 1), accumulate=accumulate)
        yield call('dot', draw(2, 3, 4), draw(2, 3, 4), out=draw(2, 1, 4), accumulate=accumulate)
        yield call('gemm', draw(4, 3), draw(3, 5), out=draw(4, 5), accumulate=accumulate)
        yield call(
            'gemm', draw(3, 4), draw(3, 5), out=draw(4, 5), transpose_a=True, accumulate=accumulate
        )
        yield call(
            'gemm', draw(4, 3), draw(5, 3), out=draw(4, 5), transpose_b=True, accumulate=accumulate
        )
        yield call(
            'gemm',
            draw(3, 4),
            draw(5, 3),
            out=draw(4, 5),
            transpose_a=True,
            transpose_b=True,
            accumulate=accumulate,
        )
    yield call('sum', draw(2, 3), out=draw(1, 1))
    yield call('sum', draw(2, 3), out=draw(2, 3))
    yield call('fill', 2.5, out=draw(2, 3))
    yield call('copy', draw(2, 3), out=draw(2, 3))
    yield call('copy', draw(2, 3, 4), out=draw(6, 4))
    for alpha, beta in ((1, 0), (-0.5, 0), (1, 1), (2, -0.5), (0, 3)):
        yield call('axpby', alpha, draw(2, 3), beta, out=draw(2, 3))
    yield call('axpby', 2, draw(2, 3), 1, out=draw(6))
    for axis, extent in ((0, 4), (1, 3), (2, 5)):
        index = [extent - 1, -1, 0, 1, 0, -1]
        some, every = [4, 3, 5], [4, 3, 5]
        some[axis] = len(index)
        yield call('gather', draw(*every), index, axis, out=draw(*some))
        yield call('scatter_add', draw(*some), index, axis, out=draw(*every))
    for order in ((0, 1, 2, 3), (0, 2, 3, 1), (3, 1, 0, 2)):
        shape = (2, 3, 4, 5)
        yield call('transpose', draw(*shape), order, out=draw(*(shape[axis] for axis in order)))
    yield call('dropout_mask', 12345678901, 0.3, out=draw(7, 11))
    for shape in ((1, 3, 1), (2, 1, 4), (1, 1, 1)):
        yield call('moments', draw(2, 3, 4), mean=draw(*shape), var=draw(*shape))
    ties = np.round(draw(3, 4, 5))
    yield call('max_forward', ties, out=draw(3, 5), winner=draw(3, 5))
    yield call('max_backward', draw(3, 5), np.floor(draw(3, 5, low=0, high=4)), out=draw(3, 4, 5))
    for shape in ((1, 3, 1), (2, 1, 4), (1, 1, 1), (2, 3, 1)):
        yield call('standardize', draw(2, 3, 4), draw(*shape), draw(*shape), out=draw(2, 3, 4))
        yield call(
            'standardize_backward', draw(2, 3, 4), draw(*shape), draw(2, 3, 4), out=draw(2, 3, 4)
        )
        yield from scale_shift_calls((2, 3, 4), shape)
    yield call('softmax_forward', draw(2, 4, 3), out=draw(2, 4, 3))
    yield call('softmax_backward', draw(2, 4, 3), draw(2, 4, 3), out=draw(2, 4, 3))
    for ignore in (None, 1):
        yield call('one_hot', np.floor(draw(2, 3, low=0, high=4)), ignore, out=draw(2, 4, 3))


def all_calls(unary, binary):
    """The calls of every op, with an id of its own each; `unary` and `binary` name the elementwise
    functions."""
    convolutions = [
        (window(3, pad=1), 1, (2, 3, 5, 4), (4, 3, 3, 3)),
        (window((2, 3), stride=2, pad=(0, 1)), 2, (2, 4, 5, 6), (6, 2, 2, 3)),
        (window(2, dilation=(2, 1)), 1, (1, 2, 5, 4), (3, 2, 2, 2)),
        (window(1), 3, (2, 3, 3, 2), (3, 1, 1, 1)),
        (window(3, stride=2, pad=1, axes=1), 1, (2, 2, 6), (2, 2, 3)),
        (window((2, 1, 2), axes=3), 1, (1, 2, 3, 2, 4), (2, 2, 2, 1, 2)),
    ]
    poolings = [
        (window(2, stride=2), (4, 6), (2, 3)),
        (window(3, stride=2), (6, 7), (3, 3)),
        (window(3, stride=2, pad=1), (5, 6), (3, 4)),
        (window((2, 3), pad=(1, 0)), (3, 4), (4, 2)),
    ]
    # Of two regions: bins side by side, bins that overlap; one bin that is empty.
    bins = Bins(
        [1, 0],
        [[(0, 2), (2, 5)], [(1, 3), (2, 4)]],
        [[(0, 1), (1, 3), (3, 3)], [(2, 4), (2, 4), (3, 4)]],
    )
    families = [
        plain_calls(),
        roi_calls(bins, (2, 3, 5, 4), (2, 3, 2, 3)),
        roi_calls(Bins([], [], []), (1, 2, 3, 3), (0, 2, 2, 1)),
        *map(unary_calls, unary),
        *map(binary_calls, binary),
        *(convolution_calls(*case) for case in convolutions),
        *(pooling_calls(*case) for case in poolings),
        lrn_calls((2, 5, 3, 2), 3, 0.5, 0.75, 1.0),
        lrn_calls((2, 3, 2), 5, 2.0, 0.5, 2.0),
    ]
    numbers: dict[str, count] = {}
    return [
        Call(f'{c.id}-{next(numbers.setdefault(c.id, count()))}', c.op, c.inputs, c.keywords)
        for family in families
        for c in family
    ]
