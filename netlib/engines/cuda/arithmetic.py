"""Elementwise functions, reductions and the matrix product."""

import functools
from contextlib import contextmanager
from math import prod

import numpy as np

from ..interface import Engine
from .cublas import Cublas, open_cublas
from .device import Device
from .geometry import box, strides
from .steps import Steps


class Arithmetic(Engine):
    device: Device
    tf32: bool

    @functools.cached_property
    def blas(self) -> Cublas:
        return open_cublas(self.tf32)

    @contextmanager
    def blockwise(self):
        steps = Steps(self.device)
        self.elementwise = steps.add
        try:
            yield
            steps.run()
        finally:
            del self.elementwise

    def elementwise(self, kernel, n, *arguments):
        self.device.per_element('elementwise', kernel, n, *arguments)

    def fill(self, value, *, out):
        self.elementwise('fill', out.size, float(value), out)

    def axpby(self, alpha, x, beta, *, out):
        self.elementwise('axpby', out.size, float(alpha), x, float(beta), out)

    def unary(self, name, x, *parameters, out):
        self.elementwise(f'unary_{name}', out.size, x, out, *map(float, parameters))

    def unary_backward(self, name, x, y, dy, *parameters, out):
        self.elementwise(f'unary_{name}_backward', out.size, x, y, dy, out, *map(float, parameters))

    def binary(self, name, a, b, *, out):
        self.elementwise(
            f'binary_{name}',
            out.size,
            box(out.shape, strides(a.shape), strides(b.shape)),
            a,
            b,
            out,
        )

    def dropout_mask(self, seed, ratio, *, out):
        words = (seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF, min(int(ratio * 2**32), 2**32 - 1))
        self.device.per_element(
            'elementwise',
            'dropout_mask',
            out.size,
            *map(np.uint32, words),
            1 / (1 - ratio) if ratio < 1 else 0.0,
            out,
        )

    def sum(self, x, *, out, accumulate=False):
        self._add_up(x, None, out, accumulate)

    def dot(self, a, b, *, out, accumulate=False):
        self._add_up(a, b, out, accumulate)

    def _add_up(self, a, b, out, accumulate):
        kept, over, terms = reduction(a.shape, out.shape)
        self.device.per_block(
            'reduction', 'sum', out.size, terms, kept, over, terms, a, b, int(accumulate), out
        )

    def moments(self, x, *, mean, var):
        kept, over, terms = reduction(x.shape, mean.shape)
        self.device.per_block(
            'reduction', 'moments', mean.size, terms, kept, over, terms, x, mean, var
        )

    def max_forward(self, x, *, out, winner):
        _, pieces, inner = x.shape
        self.device.per_element('reduction', 'max_forward', out.size, pieces, inner, x, out, winner)

    def max_backward(self, dy, winner, *, out):
        _, pieces, inner = out.shape
        self.device.per_element(
            'reduction', 'max_backward', out.size, pieces, inner, dy, winner, out
        )

    def gemm(self, a, b, *, out, transpose_a=False, transpose_b=False, accumulate=False):
        self.blas.gemm(
            a.address,
            b.address,
            out.address,
            *out.shape,
            a.shape[0 if transpose_a else 1],
            transpose_a=transpose_a,
            transpose_b=transpose_b,
            accumulate=accumulate,
        )


def reduction(x, out):
    """For sums of a tensor of shape x over the axes where `out` has extent 1: the axes kept and
    those summed over, each as a Box on x, and the number of terms in each sum."""
    reduced = [n == 1 for n in out]
    over = [n if r else 1 for n, r in zip(x, reduced, strict=True)]
    return box(out, strides(x)), box(over, strides(x)), prod(over)
