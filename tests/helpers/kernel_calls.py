"""Calls for the kernels of the fast engine, over odd shapes: CASES[name]() is a list of them."""

from functools import partial
from math import prod

import numpy as np
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.interface import Window
from goodinit.netlib.engines.reference.elementwise import BINARY, UNARY
from op_calls import (
    call,
    conv_extents,
    draw,
    gemm_calls,
    pool_extents,
    run,
    scale_shift_calls,
    unary_calls,
)

REFERENCE = make_engine('reference', dtype=np.float64)
ONES = (1, 1)


class Choice:
    """Random integers of a seed."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def one(self, low, high):
        return int(self.rng.integers(low, high + 1))

    def pair(self, low, high):
        return self.one(low, high), self.one(low, high)


# -- convolution


def convolution(seed):
    """A convolution of random shape; every fourth is one for Winograd's transform, another is
    pointwise."""
    choice = Choice(seed)
    if seed % 4 == 0:
        kernel = (5, 5) if seed % 8 else (3, 3)
        w = Window(kernel, ONES, choice.pair(0, 4), ONES)
        return convolution_calls(choice, w, choice.pair(16, 69), images=12)
    if seed % 4 == 1:
        w = Window(ONES, ONES, (0, 0), choice.pair(1, 2))
        images = 1 + seed % 8 // 4
        return convolution_calls(choice, w, choice.pair(1, 39), images, extra=20)
    w = Window(choice.pair(1, 5), choice.pair(1, 4), choice.pair(0, 4), choice.pair(1, 2))
    return convolution_calls(choice, w, choice.pair(1, 39), images=3)


def convolution_calls(choice, w, channels, images, extra=0):
    """All directions, with so many inputs and outputs in each group, on images with `extra` pixels
    at least."""
    C, M = channels
    groups = (1, 1, 2, 3)[choice.one(0, 3)]
    image = []
    for k, p, d in zip(w.kernel, w.pad, w.dilation, strict=True):
        least = max(d * (k - 1) + 1 - 2 * p, 1)
        image.append(least + extra + choice.one(0, 19))
    x = draw(images, groups * C, *image)
    W = draw(groups * M, C, *w.kernel)
    dy = draw(images, groups * M, *conv_extents(image, w))
    places = choice.rng.permutation(len(x) * dy[0, 0].size)[:70].tolist()
    patches = draw(groups, len(places), C * prod(w.kernel))
    finish = (draw(len(W)), True, draw(len(W)))
    return [
        call('conv_forward', x, W, w, groups, out=draw(*dy.shape)),
        call('conv_forward', x, W, w, groups, *finish, out=draw(*dy.shape)),
        call('conv_backward_data', dy, W, w, groups, out=draw(*x.shape)),
        call('conv_backward_weights', x, dy, w, groups, out=draw(*W.shape)),
        call('conv_squared_gradients', x, dy, w, groups, out=draw(*W.shape)),
        call('patches', x, w, groups, places, out=patches),
    ]


# -- pooling


def pooling(seed):
    """A pooling of random shape; every eighth is global."""
    choice = Choice(seed)
    kernel = choice.pair(1, 5)
    stride = choice.pair(1, 4)
    pad = tuple(choice.one(0, k - 1) for k in kernel)
    image = tuple(k + choice.one(0, 39) for k in kernel)
    w = Window(kernel, stride, pad, ONES)
    if seed % 8 == 7:
        w = Window(image, ONES, (0, 0), ONES)
    extents = pool_extents(image, w, ceil=seed % 3 > 0)
    x = np.round(draw(2, 3, *image))  # with ties
    y = (2, 3, *extents)
    forward = call('pool_max_forward', x, w, out=draw(*y), mask=draw(*y))
    mask = run(REFERENCE, forward)['mask']
    dy = draw(*y)
    return [
        forward,
        call('pool_mask_backward', dy, mask, w, out=draw(*x.shape)),
        call('pool_ave_forward', x, w, out=draw(*y)),
        call('pool_ave_backward', dy, w, out=draw(*x.shape)),
    ]


# -- elementwise functions and reductions


def elementwise(shape, other):
    """Ops on tensors of a shape, with operands of another one that broadcasts to it."""
    calls = [
        *binary_calls(shape, other),
        *reduction_calls(shape, other),
        *standardization_calls(shape, other),
        call('fill', 3, out=draw(*shape)),
        call('dropout_mask', 2**62 + 5, 0.4, out=draw(*shape)),
    ]
    x = draw(*shape, low=-1)
    for name in UNARY:
        calls += unary_calls(name, shape)
    for power in (-0.5, 0.5, 0.7, 1):
        calls.append(call('unary', 'power', x, power, 0.5, 2, out=draw(*shape)))
    for beta in (0, 1, -2):
        calls.append(call('axpby', 0.5, x, beta, out=draw(*shape)))
    return calls


def binary_calls(shape, other):
    x = draw(*shape, low=-1)
    y = draw(*other)
    for name in BINARY:
        yield call('binary', name, x, y, out=draw(*shape))
        yield call('binary', name, y, x, out=draw(*shape))


def reduction_calls(shape, other):
    x = draw(*shape, low=-1)  # sums do not cancel
    z = draw(*shape, low=-1)
    for out in (other, across(shape, other)):
        for add in (False, True):
            yield call('sum', x, out=draw(*out), accumulate=add)
            yield call('dot', x, z, out=draw(*out), accumulate=add)
    yield call('moments', x, mean=draw(*other), var=draw(*other))


def across(shape, other):
    """The shape of sums over the axes that `other` keeps."""
    if shape == other:
        return other
    return tuple(1 if n == m else n for n, m in zip(shape, other, strict=True))


def standardization_calls(shape, other):
    x = draw(*shape, low=-1)
    z = draw(*shape, low=-1)
    yield call('standardize', x, draw(*other), draw(*other), out=draw(*shape))
    yield call('standardize_backward', x, draw(*other), z, out=draw(*shape))
    yield from scale_shift_calls(shape, other)


def maximum(outer, pieces, inner):
    x = np.round(draw(outer, pieces, inner))  # with ties
    y = draw(outer, inner)
    forward = call('max_forward', x, out=y, winner=y)
    winner = run(REFERENCE, forward)['winner']
    return [forward, call('max_backward', y, winner, out=x)]


# -- boxes and normalization


def windows(shape, start, out, at, box):
    to = {'at': at, 'shape': box}
    return [
        call('copy_window', draw(*shape), start, out=draw(*out), accumulate=add, **to)
        for add in (False, True)
    ]


def softmax(outer, classes, inner):
    x = draw(outer, classes, inner, low=-50, high=50)
    label = np.floor(draw(outer, inner, low=0, high=classes))
    forward = call('softmax_forward', x, out=x)
    y = run(REFERENCE, forward)['out']
    return [
        forward,
        call('softmax_backward', y, x, out=x),
        call('one_hot', label, None, out=x),
        call('one_hot', label, 1, out=x),
    ]


def lrn(shape, size):
    calls = []
    for fields in ((size, 0.5, 0.75, 1.0), (size, 2.0, 0.5, 2.0), (size, 0.1, 1.3, 1.0)):
        x = draw(*shape)
        forward = call('lrn_forward', x, *fields, out=draw(*shape), scale=draw(*shape))
        made = run(REFERENCE, forward)
        read = (x, made['out'], draw(*shape), made['scale'])
        calls += [forward, call('lrn_backward', *read, *fields[:3], out=draw(*shape))]
    return calls


# -- all

PRODUCTS = [
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
MAXIMA = [(1, 1, 5), (3, 2, 70), (2, 5, 33), (1, 3, 40000), (0, 2, 4)]
SOFTMAXES = [(3, 10, 1), (2, 1000, 1), (2, 5, 700), (1, 3, 40000), (4, 2, 3), (0, 2, 4)]
SHAPES = [
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
BOXES = {
    'rows': ((3, 40, 7), (0, 5, 0), (3, 90, 7), (0, 30, 0), (3, 30, 7)),
    'box': ((3, 4, 5, 6), (1, 0, 2, 3), (2, 9, 4, 5), (0, 4, 1, 2), (2, 3, 3, 2)),
    'column': ((4, 5), (0, 2), (6, 3), (1, 1), (4, 1)),
}
NORMALIZATIONS = [((2, 7, 9, 9), 5), ((2, 3, 1, 1), 7), ((1, 20, 70), 3), ((3, 4), 5)]


def dashed(numbers):
    return '-'.join(map(str, numbers))


CASES = {f'convolution-{seed}': partial(convolution, seed) for seed in range(24)}
CASES |= {f'pooling-{seed}': partial(pooling, seed) for seed in range(16)}
CASES |= {f'gemm-{dashed(shape)}': partial(gemm_calls, *shape) for shape in PRODUCTS}
CASES |= {f'maximum-{dashed(shape)}': partial(maximum, *shape) for shape in MAXIMA}
CASES |= {f'softmax-{dashed(shape)}': partial(softmax, *shape) for shape in SOFTMAXES}
CASES |= {f'elementwise-{i}': partial(elementwise, *shapes) for i, shapes in enumerate(SHAPES)}
CASES |= {f'window-{name}': partial(windows, *box) for name, box in BOXES.items()}
CASES |= {f'lrn-{shape}-{size}': partial(lrn, shape, size) for shape, size in NORMALIZATIONS}
