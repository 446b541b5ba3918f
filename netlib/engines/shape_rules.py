"""The operand shapes of each op.

A rule receives the arguments of its op by name, with a shape instead of each tensor, and returns
the shapes that the operands must have. It raises ValueError for a wrong number of axes, usually by
unpacking a shape.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from math import prod
from typing import Any

from ..shapes import Shape, conv_extent
from .windows import Bins, Window

Shapes = dict[str, Shape]


def axes(least: int, most: int, shape: Shape) -> Shape:
    """The shape, which must have `least` to `most` axes."""
    if not least <= len(shape) <= most:
        raise ValueError(f'{shape} must have {least} to {most} axes')
    return shape


def outer_inner(shape: Shape) -> Shape:
    outer, _, inner = shape
    return outer, inner


def fits(small: Shape, large: Shape) -> Shape:
    """`small`, with each extent other than 1 replaced by that of `large`."""
    return tuple(1 if n == 1 else m for n, m in zip(small, large, strict=True))


def same_count(x: Shape, out: Shape) -> Shapes:
    return {} if prod(x) == prod(out) else {'x': out}


# -- moving values


def around(shape: Shape, start: Sequence[int], box: Sequence[int]) -> Shape:
    """`shape`, enlarged to contain the box at `start`."""
    return tuple(max(n, s + b) for n, s, b in zip(shape, start, box, strict=True))


def copy_window(
    x: Shape,
    start: Sequence[int],
    out: Shape,
    at: Sequence[int],
    shape: Sequence[int],
    accumulate: bool,
) -> Shapes:
    return {'x': around(x, start, shape), 'out': around(out, at, shape)}


def resized(shape: Shape, axis: int, extent: int) -> Shape:
    return (*shape[:axis], extent, *shape[axis + 1 :])


def holding(x: Shape, index: Sequence[int], axis: int) -> Shape:
    """x, enlarged along `axis` to contain every part at `index`."""
    return resized(x, axis, max(x[axis], 1 + max(index, default=-1)))


def gather(x: Shape, index: Sequence[int], axis: int, out: Shape) -> Shapes:
    return {'x': holding(x, index, axis), 'out': resized(x, axis, len(index))}


def scatter_add(dy: Shape, index: Sequence[int], axis: int, out: Shape) -> Shapes:
    return {'out': holding(out, index, axis), 'dy': resized(out, axis, len(index))}


def transpose(x: Shape, order: Sequence[int], out: Shape) -> Shapes:
    if sorted(order) != list(range(len(x))):
        raise ValueError(f'{tuple(order)} must name each axis once')
    return {'out': tuple(x[axis] for axis in order)}


# -- matrices and convolution


def gemm(
    a: Shape, b: Shape, out: Shape, transpose_a: bool, transpose_b: bool, accumulate: bool
) -> Shapes:
    m, n = out
    k = a[0] if transpose_a else a[1]
    left = (k, m) if transpose_a else (m, k)
    right = (n, k) if transpose_b else (k, n)
    return {'a': left, 'b': right}


def extents(image: Sequence[int], window: Window) -> Shape:
    return tuple(conv_extent(n, *rest) for n, *rest in zip(image, *window, strict=True))


def columns_of(x: Shape, window: Window) -> Shape:
    n, c, *image = x
    return (n, c * prod(window.kernel), *extents(image, window))


def patches(x: Shape, window: Window, groups: int, positions: Sequence[int], out: Shape) -> Shapes:
    n, c, *image = x
    count = n * prod(extents(image, window))
    if not all(0 <= p < count for p in positions):
        raise ValueError('positions must be positions of the window')
    return {'out': (groups, len(positions), c // groups * prod(window.kernel))}


def weights_of(x: Shape, W: Shape, window: Window, groups: int) -> Shape:
    return (W[0], x[1] // groups, *window.kernel)


def convolved(x: Shape, W: Shape, window: Window) -> Shape:
    """The shape of y = W * x."""
    n, _, *image = x
    return (n, W[0], *extents(image, window))


def conv_forward(
    x: Shape,
    W: Shape,
    window: Window,
    groups: int,
    bias: Shape | None,
    rectify: bool,
    scale: Shape | None,
    out: Shape,
) -> Shapes:
    return {
        'W': weights_of(x, W, window, groups),
        'out': convolved(x, W, window),
        'bias': W[:1],
        'scale': W[:1],
    }


def conv_backward_data(dy: Shape, W: Shape, window: Window, groups: int, out: Shape) -> Shapes:
    return {'W': weights_of(out, W, window, groups), 'dy': convolved(out, W, window)}


def conv_backward_weights(x: Shape, dy: Shape, window: Window, groups: int, out: Shape) -> Shapes:
    return {'out': weights_of(x, out, window, groups), 'dy': convolved(x, out, window)}


# -- pooling and normalization


def pooled(x: Shape, y: Shape) -> Shape:
    """The shape of y for x; its spatial extents depend on fields that the op does not receive."""
    return (*axes(4, 4, x)[:2], *axes(4, 4, y)[2:])


def over_bins(x: Shape, bins: Bins, y: Shape) -> Shape:
    """The shape of y for x and bins."""
    n, c, height, width = axes(4, 4, x)
    inside = spans_lie_in(bins.rows, height) and spans_lie_in(bins.columns, width)
    known = all(0 <= image < n for image in bins.images)
    if not inside or not known:
        raise ValueError('bins must be inside the images')
    return (len(bins.images), c, *axes(4, 4, y)[2:])


def spans_lie_in(regions: Sequence[Sequence[tuple[int, int]]], extent: int) -> bool:
    spans = chain.from_iterable(regions)
    return all(start >= 0 and end <= extent for start, end in spans)


def scale_shift(
    x: Shape, scale: Shape | None, shift: Shape | None, rectify: bool, out: Shape
) -> Shapes:
    small = scale or shift or x
    return {'scale': fits(small, x), 'shift': fits(small, x), 'out': x}


def scale_shift_backward(
    x: Shape, scale: Shape, dy: Shape, out: Shape, dscale: Shape, dshift: Shape
) -> Shapes:
    return {'scale': fits(scale, x), 'dy': x, 'out': x, 'dscale': scale, 'dshift': scale}


def standardize_backward(z: Shape, inverse: Shape, dy: Shape, out: Shape) -> Shapes:
    return {'inverse': fits(inverse, z), 'dy': z, 'out': z}


def lrn_forward(
    x: Shape, size: int, alpha: float, beta: float, k: float, out: Shape, scale: Shape
) -> Shapes:
    return {'out': axes(2, 32, x), 'scale': x}


def lrn_backward(
    x: Shape, y: Shape, dy: Shape, scale: Shape, size: int, alpha: float, beta: float, out: Shape
) -> Shapes:
    return {'x': axes(2, 32, out), 'y': out, 'dy': out, 'scale': out}


# -- compositions


def rectify_backward(
    y: Shape, dy: Shape, out: Shape, dshift: Shape | None, also: Shape | None
) -> Shapes:
    return {'y': out, 'dy': out, 'dshift': fits(dshift or out, out), 'also': out}


def normalize_batch(x: Shape, eps: float, keep: float, mean: Shape, **others: Any) -> Shapes:
    channels = axes(3, 3, x)[1]
    per_channel = (1, channels, 1)
    return {
        **dict.fromkeys(('z', 'out'), x),
        **dict.fromkeys(('mean', 'inverse', 'scale', 'shift'), per_channel),
        **dict.fromkeys(('stored_mean', 'stored_var'), (channels,)),
        'factor': (1,),
    }


def stored_moments(stored_mean: Shape, mean: Shape, **others: Any) -> Shapes:
    (channels,) = stored_mean
    per_channel = (1, channels, 1)
    return {
        **dict.fromkeys(('mean', 'inverse'), per_channel),
        'stored_var': stored_mean,
        'factor': (1,),
    }


def normalize_batch_backward(z: Shape, inverse: Shape, **others: Any) -> Shapes:
    per_channel = (1, axes(3, 3, z)[1], 1)
    return {
        **dict.fromkeys(('dy', 'y', 'out'), z),
        **dict.fromkeys(('inverse', 'scale', 'shift', 'dscale', 'dshift'), per_channel),
    }


RULES: dict[str, Callable[..., Shapes]] = {
    'fill': lambda value, out: {},
    'copy': same_count,
    'axpby': lambda alpha, x, beta, out: same_count(x, out),
    'copy_window': copy_window,
    'gather': gather,
    'scatter_add': scatter_add,
    'transpose': transpose,
    'unary': lambda name, x, parameters, out: {'x': out},
    'unary_backward': lambda name, x, y, dy, parameters, out: {'x': out, 'y': out, 'dy': out},
    'binary': lambda name, a, b, out: {'a': fits(a, out), 'b': fits(b, out)},
    'dropout_mask': lambda seed, ratio, out: {},
    'sum': lambda x, out, accumulate: {'out': fits(out, x)},
    'dot': lambda a, b, out, accumulate: {'b': a, 'out': fits(out, a)},
    'moments': lambda x, mean, var: {'mean': fits(mean, x), 'var': mean},
    'max_forward': lambda x, out, winner: {'out': outer_inner(x), 'winner': outer_inner(x)},
    'max_backward': lambda dy, winner, out: {'dy': outer_inner(out), 'winner': outer_inner(out)},
    'gemm': gemm,
    'im2col': lambda x, window, out: {'out': columns_of(x, window)},
    'col2im': lambda columns, window, out: {'columns': columns_of(out, window)},
    'patches': patches,
    'conv_forward': conv_forward,
    'conv_backward_data': conv_backward_data,
    'conv_backward_weights': conv_backward_weights,
    'conv_squared_gradients': conv_backward_weights,
    'pool_max_forward': lambda x, window, out, mask: {'out': pooled(x, out), 'mask': out},
    'pool_mask_backward': lambda dy, mask, window, out: {'dy': pooled(out, dy), 'mask': dy},
    'pool_mask_forward': lambda x, mask, out: {'mask': out, 'out': pooled(x, out)},
    'pool_ave_forward': lambda x, window, out: {'out': pooled(x, out)},
    'pool_ave_backward': lambda dy, window, out: {'dy': pooled(out, dy)},
    'roi_pool_forward': lambda x, bins, out, winner: {
        'out': over_bins(x, bins, out),
        'winner': out,
    },
    'roi_pool_backward': lambda dy, winner, bins, out: {
        'dy': over_bins(out, bins, dy),
        'winner': dy,
    },
    'standardize': lambda x, mean, inverse, out: {'mean': fits(mean, x), 'inverse': mean, 'out': x},
    'standardize_backward': standardize_backward,
    'scale_shift': scale_shift,
    'scale_shift_backward': scale_shift_backward,
    'lrn_forward': lrn_forward,
    'lrn_backward': lrn_backward,
    'softmax_forward': lambda x, out: {'x': axes(3, 3, out)},
    'softmax_backward': lambda y, dy, out: {'y': axes(3, 3, out), 'dy': out},
    'one_hot': lambda label, ignore, out: {'label': outer_inner(out)},
    'dropout': lambda x, seed, ratio, out, mask: {'out': x, 'mask': x},
    'rectify_backward': rectify_backward,
    'normalize_batch': normalize_batch,
    'stored_moments': stored_moments,
    'normalize_batch_backward': normalize_batch_backward,
    'cross_entropy': lambda p, label, floor, factor, out: {
        'label': outer_inner(p),
        'out': (1, 1, 1),
    },
    'cross_entropy_backward': lambda p, label, factor, out: {
        'label': outer_inner(p),
        'out': p,
    },
}
