"""An engine that watches another one: shapes before each op; after it what was not written, what
should not have been written, and NaN or infinity that came out of finite numbers.
"""

import inspect
from math import isfinite, prod

import numpy as np

from ..errors import EngineError
from ..memory import Tensor
from ..shapes import conv_extent
from .interface import OPS, Engine

# The NaN that marks what nobody has written: no computation makes one with this payload.
POISON = {
    np.dtype(np.float32): np.uint32(0x7FC0DEAD),
    np.dtype(np.float64): np.uint64(0x7FF800000000DEAD),
}
# Ops that may write where they read.
IN_PLACE = {
    'fill',
    'axpby',
    'unary',
    'unary_backward',
    'binary',
    'standardize',
    'standardize_backward',
    'scale_shift',
    'scale_shift_backward',
}
# What an op always adds to.
ADDING = {
    ('conv_backward_weights', 'out'),
    ('conv_squared_gradients', 'out'),
    ('scale_shift_backward', 'dscale'),
    ('scale_shift_backward', 'dshift'),
}


class Checked(Engine):
    """Any engine, with an EngineError that names the op and the operand as soon as an op goes
    wrong.

    Outputs that are to be overwritten hold a marked NaN before the op, so that a place that the op
    leaves out shows. Slow, and made for tests and for writing layers: it looks at every number on
    the host.
    """

    def __init__(self, inner: Engine):
        self.inner, self.name, self.dtype = inner, f'checked:{inner.name}', inner.dtype
        self.on_device = inner.on_device

    def convolving(self, by: str) -> Engine:
        return Checked(self.inner.convolving(by))

    def run(self, op, inputs, outputs):
        call = SIGNATURES[op].bind(self, *inputs, **outputs)
        call.apply_defaults()
        operands = {name: x for name, x in call.arguments.items() if isinstance(x, Tensor)}
        written = {name: x for name, x in operands.items() if name in outputs}
        read = {name: x for name, x in operands.items() if name not in outputs}
        self._check_operands(op, call.arguments, operands, read, written)
        kept = {name: x.array().copy() for name, x in read.items()}
        places = {name: place_written(op, name, call.arguments) for name in written}
        added = [x.array() for name, x in written.items() if places[name] is None]
        finite = all(np.isfinite(x).all() for x in [*kept.values(), *added]) and all(
            isfinite(x) for x in inputs if isinstance(x, int | float)
        )
        for name, x in written.items():
            if places[name] is not None and not any(overlap(x, y) for y in read.values()):
                x.array(write=True)[places[name]] = POISON[self.dtype].view(self.dtype)
        getattr(self.inner, op)(*inputs, **outputs)
        for name, x in read.items():
            if not any(overlap(x, y) for y in written.values()) and not np.array_equal(
                x.array(), kept[name], equal_nan=True
            ):
                raise self.error(op, f'{name} is read only, but has changed')
        for name, x in written.items():
            self._check_result(
                op, name, x.array()[... if places[name] is None else places[name]], finite
            )

    def _check_operands(self, op, arguments, operands, read, written):
        for name, x in operands.items():
            if x.memory.dtype != self.dtype:
                raise self.error(
                    op, f'{name} holds {x.memory.dtype}, the engine computes in {self.dtype}'
                )
        for name, x in written.items():
            for other, y in read.items():
                if overlap(x, y) and not (
                    op in IN_PLACE and x.offset == y.offset and x.size == y.size
                ):
                    raise self.error(op, f'{name} must not lie in the memory of {other}')
        shapes = ', '.join(f'{name} {x.shape}' for name, x in operands.items())
        try:
            needed = RULES[op](
                **{
                    name: operands[name].shape if name in operands else value
                    for name, value in arguments.items()
                    if name != 'self'
                }
            )
        except (ValueError, IndexError) as error:
            raise self.error(op, f'the operands do not fit: {shapes} ({error})') from error
        for name, shape in needed.items():
            if name in operands and operands[name].shape != tuple(shape):
                raise self.error(op, f'{name} must be {tuple(shape)} here: found {shapes}')

    def _check_result(self, op, name, result, finite):
        left = result.view(POISON[self.dtype].dtype) == POISON[self.dtype]
        if left.any():
            raise self.error(
                op,
                f'{name} {result.shape} was not written, or read before, at {np.count_nonzero(left)} '
                f'places; the first is {first(left)}',
            )
        if finite and not np.isfinite(result).all():
            where = first(~np.isfinite(result))
            raise self.error(
                op, f'made {result[where]} of finite numbers: {name} {result.shape} at {where}'
            )

    def error(self, op: str, message: str) -> EngineError:
        return EngineError(f"op '{op}' of engine '{self.name}': {message}")


def place_written(op, output, arguments):
    """The part of an output that the op overwrites, as an index; None where it adds to what is
    there."""
    if arguments.get('accumulate') or (op, output) in ADDING or op == 'axpby' and arguments['beta']:
        return None
    if op == 'copy_window':
        return tuple(
            slice(a, a + n) for a, n in zip(arguments['at'], arguments['shape'], strict=True)
        )
    return ...


def first(where):
    """The index of the first true element."""
    return tuple(map(int, np.argwhere(where)[0]))


def overlap(x: Tensor, y: Tensor) -> bool:
    """Whether two tensors have elements in common."""
    return x.memory is y.memory and max(x.offset, y.offset) < min(
        x.offset + x.size, y.offset + y.size
    )


# -- what shapes an op takes
# ---------------------------------------------------------------------------- A rule gets the
# arguments of its op by name, with a shape in place of each tensor, and returns the shapes that its
# operands must have. It raises ValueError (mostly by taking a shape apart) where the number of axes
# is wrong.


def axes(least, most, *shape):
    if not least <= len(shape) <= most:
        raise ValueError(f'{shape} must have {least} to {most} axes')
    return shape


def outer_inner(shape):
    outer, _, inner = shape
    return outer, inner


def fits(small, large):
    """`small` with each extent that is not 1 replaced by that of `large`."""
    return tuple(1 if n == 1 else m for n, m in zip(small, large, strict=True))


def around(shape, start, box):
    """`shape`, grown so that it holds the box at `start`."""
    return tuple(max(n, s + b) for n, s, b in zip(shape, start, box, strict=True))


def taken(x, index, axis, x_name, y_name):
    """x and its parts y at `index` along `axis`."""

    def resized(extent):
        return (*x[:axis], extent, *x[axis + 1 :])

    return {x_name: resized(max(x[axis], 1 + max(index, default=-1))), y_name: resized(len(index))}


def transposed(x, order):
    if sorted(order) != list(range(len(x))):
        raise ValueError(f'{tuple(order)} must name each axis once')
    return tuple(x[axis] for axis in order)


def gemm(a, b, out, transpose_a, transpose_b, accumulate):
    m, n = out
    k = a[0] if transpose_a else a[1]
    return {'a': (k, m) if transpose_a else (m, k), 'b': (n, k) if transpose_b else (k, n)}


def extents(image, window):
    return tuple(conv_extent(n, *rest) for n, *rest in zip(image, *window, strict=True))


def im2col(x, window, columns_name):
    n, c, *image = x
    return {columns_name: (n, c * prod(window.kernel), *extents(image, window))}


def patches(x, window, groups, positions, out):
    n, c, *image = x
    if not all(0 <= p < n * prod(extents(image, window)) for p in positions):
        raise ValueError('positions must be those of the window')
    return {'out': (groups, len(positions), c // groups * prod(window.kernel))}


def convolution(x, W, window, groups, W_name, y_name):
    """The W and the y = W * x that go with x."""
    n, c, *image = x
    return {W_name: (W[0], c // groups, *window.kernel), y_name: (n, W[0], *extents(image, window))}


def pooled(x, y):
    """The y that goes with x; its extents follow from fields that an op does not see."""
    return (*axes(4, 4, *x)[:2], *axes(4, 4, *y)[2:])


def over_bins(x, bins, y):
    """The y that goes with x and the bins that it sees."""
    n, c, *image = axes(4, 4, *x)
    spans = [
        (span, extent)
        for part, extent in zip(bins[1:], image, strict=True)
        for spans in part
        for span in spans
    ]
    if not all(0 <= i < n for i in bins.images) or not all(
        a >= 0 and b <= extent for (a, b), extent in spans
    ):
        raise ValueError('bins must lie in the images')
    return (len(bins.images), c, *axes(4, 4, *y)[2:])


RULES = {
    'fill': lambda value, out: {},
    'axpby': lambda alpha, x, beta, out: {} if prod(x) == prod(out) else {'x': out},
    'copy_window': lambda x, start, out, at, shape, accumulate: {
        'x': around(x, start, shape),
        'out': around(out, at, shape),
    },
    'gather': lambda x, index, axis, out: taken(x, index, axis, 'x', 'out'),
    'scatter_add': lambda dy, index, axis, out: taken(out, index, axis, 'out', 'dy'),
    'transpose': lambda x, order, out: {'out': transposed(x, order)},
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
    'im2col': lambda x, window, out: im2col(x, window, 'out'),
    'col2im': lambda columns, window, out: im2col(out, window, 'columns'),
    'patches': patches,
    'conv_forward': lambda x, W, window, groups, out, bias, rectify, scale: {
        **convolution(x, W, window, groups, 'W', 'out'),
        'bias': bias and W[:1],
        'scale': scale and W[:1],
    },
    'conv_backward_data': lambda dy, W, window, groups, out: convolution(
        out, W, window, groups, 'W', 'dy'
    ),
    'conv_backward_weights': lambda x, dy, window, groups, out: convolution(
        x, out, window, groups, 'out', 'dy'
    ),
    'conv_squared_gradients': lambda x, dy, window, groups, out: convolution(
        x, out, window, groups, 'out', 'dy'
    ),
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
    'standardize_backward': lambda z, inverse, dy, out: {
        'inverse': fits(inverse, z),
        'dy': z,
        'out': z,
    },
    'scale_shift': lambda x, scale, shift, rectify, out: {
        'scale': fits(scale, x),
        'shift': shift and scale,
        'out': x,
    },
    'scale_shift_backward': lambda x, scale, dy, out, dscale, dshift: {
        'scale': fits(scale, x),
        'dy': x,
        'out': out and x,
        'dscale': dscale and scale,
        'dshift': dshift and scale,
    },
    'lrn_forward': lambda x, size, alpha, beta, k, out, scale: {'out': axes(2, 32, *x), 'scale': x},
    'lrn_backward': lambda x, y, dy, scale, size, alpha, beta, out: {
        'x': axes(2, 32, *out),
        'y': out,
        'dy': out,
        'scale': out,
    },
    'softmax_forward': lambda x, out: {'x': axes(3, 3, *out)},
    'softmax_backward': lambda y, dy, out: {'y': axes(3, 3, *out), 'dy': out},
    'one_hot': lambda label, ignore, out: {'label': outer_inner(out)},
}
SIGNATURES = {op: inspect.signature(getattr(Engine, op)) for op in OPS}


def _watched(op):
    def call(self, *inputs, **outputs):
        self.run(op, inputs, outputs)

    return call


for _op in OPS:
    setattr(Checked, _op, _watched(_op))
