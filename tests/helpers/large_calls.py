"""Calls for what the fast engine computes in other ways because it is large, or seen in part:
LARGE[name]() is a list of them. `kernel_calls.py` has the others."""

from functools import partial

import numpy as np
from goodinit.netlib.engines.interface import Window
from kernel_calls import lrn
from op_calls import call, conv_extents, draw

ONES = (1, 1)
MANY = (1 << 22) + 19  # numbers; what is computed of them is stored past the caches


def portions(images, inputs, outputs, groups=1):
    """A convolution whose gradient by the weights cores sum in portions."""
    w = Window((3, 3), ONES, ONES, ONES)
    x, dy = draw(images, groups * inputs, 16, 16), draw(images, groups * outputs, 16, 16)
    W = draw(groups * outputs, inputs, 3, 3)
    return [
        call('conv_forward', x, W, w, groups, out=draw(*dy.shape)),
        call('conv_backward_data', dy, W, w, groups, out=draw(*x.shape)),
        call('conv_backward_weights', x, dy, w, groups, out=draw(*W.shape)),
    ]


def few_cells(kernel, images, inputs, outputs, groups=1):
    """A convolution by Winograd's transform for which each core transforms what it needs."""
    w = Window((kernel, kernel), ONES, (1, kernel // 2), ONES)
    x = draw(images, groups * inputs, 15, 14)
    W = draw(groups * outputs, inputs, kernel, kernel)
    dy = draw(images, len(W), *conv_extents(x.shape[2:], w))
    return [
        call('conv_forward', x, W, w, groups, draw(len(W)), True, out=draw(*dy.shape)),
        call('conv_backward_data', dy, W, w, groups, out=draw(*x.shape)),
        call('conv_backward_weights', x, dy, w, groups, out=draw(*W.shape)),
    ]


def squares_of_few_cells(inputs, outputs, groups=1):
    """Its squared gradients."""
    w = Window((3, 3), ONES, ONES, ONES)
    x, dy = draw(2, groups * inputs, 15, 14), draw(2, groups * outputs, 15, 14)
    out = draw(groups * outputs, inputs, 3, 3)
    return [call('conv_squared_gradients', x, dy, w, groups, out=out)]


def rows(groups):
    """A convolution with gradients of which each core takes rows: few images, many weights."""
    w = Window((3, 4), (2, 1), (1, 2), ONES)
    x = draw(2, 23 * groups, 15, 17)
    W = draw(37 * groups, 23, 3, 4)
    dy = draw(2, len(W), *conv_extents(x.shape[2:], w))
    return [
        call('conv_backward_weights', x, dy, w, groups, out=draw(*W.shape)),
        call('conv_squared_gradients', x, dy, w, groups, out=draw(*W.shape)),
    ]


def squares(kernel, images, size):
    """A convolution whose images are so large that each has its gradient computed by itself."""
    pad = (kernel // 2, kernel // 2)
    w = Window((kernel, kernel), ONES, pad, ONES)
    x, dy = draw(images, 40, size, size), draw(images, 33, size, size)
    return [call('conv_squared_gradients', x, dy, w, 1, out=draw(33, 40, kernel, kernel))]


def slides(groups):
    """A convolution without Winograd's transform, whose gradient is summed in portions, too."""
    w = Window((7, 5), (2, 3), (3, 2), ONES)
    x = draw(5, 3 * groups, 61, 70)
    W = draw(35 * groups, 3, 7, 5)
    dy = draw(5, len(W), *conv_extents(x.shape[2:], w))
    return [call('conv_backward_weights', x, dy, w, groups, out=draw(*W.shape))]


def exchanged(images, height, width):
    """A convolution of 1x1 with more outputs than inputs: x and dy change places."""
    w = Window(ONES, ONES, (0, 0), ONES)
    x, dy = draw(images, 37, height, width), draw(images, 75, height, width)
    W = draw(75, 37, 1, 1)
    return [
        call('conv_backward_data', dy, W, w, 1, out=draw(*x.shape)),
        call('conv_backward_weights', x, dy, w, 1, out=draw(*W.shape)),
    ]


def thinned(stride, groups):
    """A convolution that sees some rows and columns alone."""
    w = Window(ONES, stride, (0, 0), ONES)
    x = draw(3, 20 * groups, 13, 38)
    W = draw(11 * groups, 20, 1, 1)
    dy = draw(3, len(W), *conv_extents(x.shape[2:], w))
    return [
        call('conv_forward', x, W, w, groups, draw(len(W)), True, out=draw(*dy.shape)),
        call('conv_backward_data', dy, W, w, groups, out=draw(*x.shape)),
        call('conv_backward_weights', x, dy, w, groups, out=draw(*W.shape)),
    ]


def elementwise():
    x, y = draw(MANY), draw(MANY)
    both = {'out': draw(MANY), 'also': draw(MANY)}
    return [
        call('fill', 3, out=draw(MANY)),
        call('binary', 'add', x, y, out=draw(MANY)),
        call('rectify_backward', np.maximum(x, 0), y, **both),
    ]


def boxes():
    to = {'at': (0, 1, 0), 'shape': (2, 7, MANY // 14)}
    return [
        call('copy_window', draw(2, 7, MANY // 14), (0, 0, 0), out=draw(2, 9, MANY // 14), **to)
    ]


def normalized(inner):
    shape, each = (2, 3, inner), (1, 3, 1)
    results = {name: draw(*shape) for name in ('z', 'out')}
    results |= {name: draw(*each) for name in ('mean', 'inverse')}
    results |= {'stored_mean': draw(3), 'stored_var': draw(3), 'factor': draw(1)}
    options = (1e-3, 0.9, draw(*each), draw(*each), True)
    return [call('normalize_batch', draw(*shape), *options, **results)]


LARGE = {
    'portions': partial(portions, 40, 17, 24),
    'portions-of-groups': partial(portions, 40, 16, 18, groups=2),
    'portions-twice-transformed': partial(portions, 8, 128, 128),
    'portions-of-slides': partial(slides, 1),
    'portions-of-slides-of-groups': partial(slides, 2),
    'portions-of-products': partial(exchanged, 9, 15, 23),
    'few-cells': partial(few_cells, 3, 1, 70, 100),
    'few-cells-of-a-panel': partial(few_cells, 3, 2, 50, 17),
    'few-cells-of-groups': partial(few_cells, 3, 1, 20, 35, groups=5),
    'few-cells-of-large-filters': partial(few_cells, 5, 1, 40, 70),
    'rows': partial(rows, 1),
    'rows-of-groups': partial(rows, 3),
    'squares-of-few-cells': partial(squares_of_few_cells, 60, 20),
    'squares-of-few-cells-of-groups': partial(squares_of_few_cells, 20, 35, groups=3),
    'squares-of-large-images': partial(squares, 3, 2, 96),
    'squares-of-products': partial(squares, 1, 3, 17),
    'exchanged-large': partial(exchanged, 3, 15, 23),
    'exchanged-small': partial(exchanged, 5, 5, 7),
    'thinned-2-2': partial(thinned, (2, 2), 1),
    'thinned-1-3': partial(thinned, (1, 3), 2),
    'thinned-4-1': partial(thinned, (4, 1), 1),
    'elementwise': elementwise,
    'boxes': boxes,
    'lrn': partial(lrn, (2, 9, 1 << 18), 5),
    'normalized': partial(normalized, 100_003),
}
