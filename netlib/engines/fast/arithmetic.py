"""Moving values, elementwise functions, reductions and the matrix product by kernels."""

import math
from contextlib import contextmanager

import numpy as np

from ..reference import Reference
from .loops import broadcast, packed, reduction, steps
from .native import Steps, or_reference


class Arithmetic(Reference):
    @contextmanager
    def blockwise(self):
        if self.kernels is None:
            yield
            return
        direct, self.kernels = self.kernels, Steps(self.kernels)
        try:
            yield
            self.kernels.run()
        finally:
            self.kernels = direct

    @or_reference
    def fill(self, value, *, out):
        self.kernels.elementwise('fill', (), (value,), out)

    @or_reference
    def axpby(self, alpha, x, beta, *, out):
        self.kernels.elementwise('axpby', (x,), (alpha, beta), out)

    @or_reference
    def copy_window(self, x, start, *, out, at, shape, accumulate=False):
        from_, to = steps(x.shape, x.shape), steps(out.shape, out.shape)
        loops = packed(tuple(shape), from_, from_, to)
        if loops is None:
            return NotImplemented
        x, out = (
            a.reshape(-1)[np.dot(first, step) :]
            for a, first, step in ((x, start, from_), (out, at, to))
        )
        self.kernels.copy_window(x, out, loops, int(accumulate))

    @or_reference
    def unary(self, name, x, *parameters, out):
        self.kernels.elementwise('unary_' + name, (x,), parameters, out)

    @or_reference
    def unary_backward(self, name, x, y, dy, *parameters, out):
        self.kernels.elementwise('unary_backward_' + name, (x, y, dy), parameters, out)

    @or_reference
    def binary(self, name, a, b, *, out):
        if a.shape == b.shape == out.shape:
            self.kernels.elementwise('binary_' + name, (a, b), (), out)
            return None
        loops = broadcast(out.shape, a.shape, b.shape, out.shape)
        if loops is None:
            return NotImplemented
        getattr(self.kernels, 'broadcast_' + name)(a, b, out, loops)

    @or_reference
    def dropout_mask(self, seed, ratio, *, out):
        dropped = min(int(ratio * 2**32), 2**32 - 1)
        kept = 1 / (1 - ratio) if ratio < 1 else 0
        self.kernels.dropout_mask(
            seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF, dropped, float(kept), out, out.size
        )

    @or_reference
    def sum(self, x, *, out, accumulate=False):
        shape = reduction(x.shape, out.shape)
        if shape is None:
            return NotImplemented
        self.kernels.sum(x, out, *shape, int(accumulate))

    @or_reference
    def dot(self, a, b, *, out, accumulate=False):
        shape = reduction(a.shape, out.shape)
        if shape is None:
            return NotImplemented
        self.kernels.dot(a, b, out, *shape, int(accumulate))

    @or_reference
    def moments(self, x, *, mean, var):
        shape = reduction(x.shape, mean.shape)
        if shape is None or 0 in x.shape:
            return NotImplemented
        self.kernels.moments(x, mean, var, *shape)

    @or_reference
    def max_forward(self, x, *, out, winner):
        self.kernels.max_forward(x, out, winner, *x.shape)

    @or_reference
    def max_backward(self, dy, winner, *, out):
        self.kernels.max_backward(dy, winner, out, *out.shape)

    @or_reference
    def one_hot(self, label, ignore, *, out):
        if not self.kernels.one_hot(
            label, math.nan if ignore is None else float(ignore), out, *out.shape
        ):
            return NotImplemented  # the reference's says what is wrong

    @or_reference
    def gemm(self, a, b, *, out, transpose_a=False, transpose_b=False, accumulate=False):
        depth = a.shape[0] if transpose_a else a.shape[1]
        self.kernels.gemm(
            a, b, out, *out.shape, depth, int(transpose_a), int(transpose_b), int(accumulate)
        )
