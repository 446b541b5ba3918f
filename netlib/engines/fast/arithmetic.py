"""Moving values, elementwise functions, reductions and the matrix product by kernels."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from numpy import ndarray

from .. import dropout
from ..interface import Ints, op
from ..reference import Reference
from .block import DeferredBlock
from .declarations import Kernels
from .loops import broadcast, offset, packed, reduction, steps


class Arithmetic(Reference):
    kernels: Kernels

    @contextmanager
    def blockwise(self) -> Iterator[DeferredBlock]:
        block = DeferredBlock(self, self.kernels)
        yield block
        block.run()

    @op
    def fill(self, value: float, *, out: ndarray) -> None:
        self.kernels.fill(None, None, None, (value,), out, out.size)

    @op
    def copy(self, x: ndarray, *, out: ndarray) -> None:
        self.kernels.axpby(x, None, None, (1, 0), out, out.size)

    @op
    def axpby(self, alpha: float, x: ndarray, beta: float, *, out: ndarray) -> None:
        self.kernels.axpby(x, None, None, (alpha, beta), out, out.size)

    @op
    def copy_window(
        self,
        x: ndarray,
        start: Ints,
        *,
        out: ndarray,
        at: Ints,
        shape: Ints,
        accumulate: bool = False,
    ) -> None:
        down = steps(x.shape, x.shape)
        to = steps(out.shape, out.shape)
        loops = packed(tuple(shape), down, down, to)
        if loops is None:
            super().copy_window(x, start, out=out, at=at, shape=shape, accumulate=accumulate)
            return
        source = x.reshape(-1)[offset(start, down) :]
        target = out.reshape(-1)[offset(at, to) :]
        self.kernels.copy_window(source, target, loops, accumulate)

    @op
    def unary(self, name: str, x: ndarray, *parameters: float, out: ndarray) -> None:
        self.kernels.unary[name](x, None, None, parameters, out, out.size)

    @op
    def unary_backward(
        self, name: str, x: ndarray, y: ndarray, dy: ndarray, *parameters: float, out: ndarray
    ) -> None:
        self.kernels.unary_backward[name](x, y, dy, parameters, out, out.size)

    @op
    def binary(self, name: str, a: ndarray, b: ndarray, *, out: ndarray) -> None:
        if a.shape == b.shape == out.shape:
            self.kernels.binary[name](a, b, None, (), out, out.size)
            return
        loops = broadcast(out.shape, a.shape, b.shape, out.shape)
        if loops is None:
            super().binary(name, a, b, out=out)
        else:
            self.kernels.broadcast[name](a, b, out, loops)

    @op
    def dropout_mask(self, seed: int, ratio: float, *, out: ndarray) -> None:
        low, high = dropout.words(seed)
        dropped = dropout.threshold(ratio)
        self.kernels.dropout_mask(low, high, dropped, dropout.kept_value(ratio), out, out.size)

    @op
    def sum(self, x: ndarray, *, out: ndarray, accumulate: bool = False) -> None:
        shape = reduction(x.shape, out.shape)
        if shape is None:
            super().sum(x, out=out, accumulate=accumulate)
        else:
            self.kernels.sum(x, out, *shape, accumulate)

    @op
    def dot(self, a: ndarray, b: ndarray, *, out: ndarray, accumulate: bool = False) -> None:
        shape = reduction(a.shape, out.shape)
        if shape is None:
            super().dot(a, b, out=out, accumulate=accumulate)
        else:
            self.kernels.dot(a, b, out, *shape, accumulate)

    @op
    def moments(self, x: ndarray, *, mean: ndarray, var: ndarray) -> None:
        shape = reduction(x.shape, mean.shape)
        if shape is None or 0 in x.shape:
            super().moments(x, mean=mean, var=var)
        else:
            self.kernels.moments(x, mean, var, *shape)

    @op
    def max_forward(self, x: ndarray, *, out: ndarray, winner: ndarray) -> None:
        self.kernels.max_forward(x, out, winner, *x.shape)

    @op
    def max_backward(self, dy: ndarray, winner: ndarray, *, out: ndarray) -> None:
        self.kernels.max_backward(dy, winner, out, *out.shape)

    @op
    def one_hot(self, label: ndarray, ignore: float | None, *, out: ndarray) -> None:
        ignored = math.nan if ignore is None else ignore
        if not self.kernels.one_hot(label, ignored, out, *out.shape):
            super().one_hot(label, ignore, out=out)  # which raises the error

    @op
    def gemm(
        self,
        a: ndarray,
        b: ndarray,
        *,
        out: ndarray,
        transpose_a: bool = False,
        transpose_b: bool = False,
        accumulate: bool = False,
    ) -> None:
        M, N = out.shape
        K = a.shape[0 if transpose_a else 1]
        self.kernels.gemm(a, b, out, M, N, K, transpose_a, transpose_b, accumulate)
