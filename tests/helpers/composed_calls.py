"""Calls of the ops that do the work of several others (op_calls.py has the rest)."""

import numpy as np


def composed_calls(call, draw, result):
    yield call('dropout', draw(7, 11), 12345678901, 0.3, out=draw(7, 11), mask=draw(7, 11))
    y = np.maximum(draw(2, 3, 5), 0)
    yield call('rectify_backward', y, draw(2, 3, 5), out=draw(2, 3, 5))
    both = {'out': draw(2, 3, 5), 'also': draw(2, 3, 5)}
    yield call('rectify_backward', y, draw(2, 3, 5), **both)
    yield call('rectify_backward', y, draw(2, 3, 5), dshift=draw(1, 3, 1), **both)
    for shape in ((1, 3, 1), (1, 1, 5), (2, 1, 5), (2, 3, 1)):
        results = {'out': draw(2, 3, 5), 'dshift': draw(*shape)}
        yield call('rectify_backward', y, draw(2, 3, 5), **results)
    for shape in ((1, 3, 1), (2, 1, 5), (2, 3, 5)):  # ReLU(x + shift) itself
        for rectify in (False, True):
            shift = draw(*shape)
            yield call('scale_shift', draw(2, 3, 5), None, shift, rectify, out=draw(2, 3, 5))
    yield from normalize_calls(call, draw, (3, 2, 4))
    yield from normalize_calls(call, draw, (2, 3, 5))
    yield from normalize_calls(call, draw, (4, 3, 1))
    p = result('softmax_forward', draw(2, 4, 3), out=draw(2, 4, 3))
    label = np.floor(draw(2, 3, low=0, high=4))
    yield call('cross_entropy', p, label, 1e-30, -0.25, out=draw(1, 1, 1))
    yield call('cross_entropy', p, label, 0.25, 2, out=draw(1, 1, 1))
    yield call('cross_entropy_backward', p, label, 0.5, out=draw(2, 4, 3))


def normalize_calls(call, draw, shape):
    channels = shape[1]
    each = (1, channels, 1)
    z = draw(*shape)
    scale = draw(*each)
    shift = draw(*each)
    y = np.maximum(scale * z + shift, 0)
    for options in ((), (scale,), (scale, shift), (scale, shift, True)):
        results = {
            'z': draw(*shape),
            'mean': draw(*each),
            'inverse': draw(*each),
            'stored_mean': draw(channels),
            'stored_var': draw(channels),
            'factor': draw(1),
        }
        if options:
            results['out'] = draw(*shape)
        yield call('normalize_batch', draw(*shape), 1e-3, 0.9, *options, **results)
    stored = (draw(channels), draw(channels, low=0))
    for factor in (0.0, 2.5):
        to = {'mean': draw(*each), 'inverse': draw(*each)}
        yield call('stored_moments', *stored, np.full(1, factor), 1e-3, **to)
    inverse = draw(*each, low=0.5)
    dy = draw(*shape)
    sums = {'dscale': draw(*each), 'dshift': draw(*each)}
    for options in ((), (scale,), (scale, shift), (scale, shift, y)):
        results = {'out': draw(*shape)}
        if options:
            results |= sums
        yield call('normalize_batch_backward', z, inverse, dy, *options, **results)
    yield call('normalize_batch_backward', z, inverse, dy, scale, shift, y, out=draw(*shape))
