"""Elementwise functions, reductions and the matrix product."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

from ...shapes import Shape
from .. import dropout
from ..interface import Engine, op
from .array import DeviceArray
from .block import DeferredBlock
from .cublas import Cublas, open_cublas
from .declarations import Kernels
from .geometry import box, strides
from .gpu import Gpu


class Arithmetic(Engine):
    device: Gpu
    kernels: Kernels
    tf32: bool

    @functools.cached_property
    def blas(self) -> Cublas:
        return open_cublas(self.tf32)

    @contextmanager
    def blockwise(self) -> Iterator[DeferredBlock]:
        block = DeferredBlock(self, self.kernels)
        yield block
        if self.recorder is None:
            block.run()
        else:
            self.record(compute_block, [block], {})

    @op
    def fill(self, value: float, *, out: DeviceArray) -> None:
        self.kernels.elementwise.fill(out.size, value, out)

    @op
    def copy(self, x: DeviceArray, *, out: DeviceArray) -> None:
        self.device.copy(x, out)

    @op
    def axpby(self, alpha: float, x: DeviceArray, beta: float, *, out: DeviceArray) -> None:
        self.kernels.elementwise.axpby(out.size, alpha, x, beta, out)

    @op
    def unary(self, name: str, x: DeviceArray, *parameters: float, out: DeviceArray) -> None:
        self.kernels.elementwise.unary[name](out.size, x, out, *parameters)

    @op
    def unary_backward(
        self,
        name: str,
        x: DeviceArray,
        y: DeviceArray,
        dy: DeviceArray,
        *parameters: float,
        out: DeviceArray,
    ) -> None:
        self.kernels.elementwise.unary_backward[name](out.size, x, y, dy, out, *parameters)

    @op
    def binary(self, name: str, a: DeviceArray, b: DeviceArray, *, out: DeviceArray) -> None:
        kernel = self.kernels.elementwise.binary[name]
        kernel(out.size, box(out.shape, strides(a.shape), strides(b.shape)), a, b, out)

    @op
    def dropout_mask(self, seed: int, ratio: float, *, out: DeviceArray) -> None:
        low, high = dropout.words(seed)
        kept = dropout.kept_value(ratio)
        kernel = self.kernels.elementwise.dropout_mask
        kernel(out.size, low, high, dropout.threshold(ratio), kept, out)

    @op
    def sum(self, x: DeviceArray, *, out: DeviceArray, accumulate: bool = False) -> None:
        kept, over, terms = reduction(x.shape, out.shape)
        self.kernels.reduction.sum(out.size, kept, over, terms, x, None, accumulate, out)

    @op
    def dot(
        self, a: DeviceArray, b: DeviceArray, *, out: DeviceArray, accumulate: bool = False
    ) -> None:
        kept, over, terms = reduction(a.shape, out.shape)
        self.kernels.reduction.sum(out.size, kept, over, terms, a, b, accumulate, out)

    @op
    def moments(self, x: DeviceArray, *, mean: DeviceArray, var: DeviceArray) -> None:
        kept, over, terms = reduction(x.shape, mean.shape)
        self.kernels.reduction.moments(mean.size, kept, over, terms, x, mean, var)

    @op
    def max_forward(self, x: DeviceArray, *, out: DeviceArray, winner: DeviceArray) -> None:
        _, pieces, inner = x.shape
        self.kernels.reduction.max_forward(out.size, pieces, inner, x, out, winner)

    @op
    def max_backward(self, dy: DeviceArray, winner: DeviceArray, *, out: DeviceArray) -> None:
        _, pieces, inner = out.shape
        self.kernels.reduction.max_backward(out.size, pieces, inner, dy, winner, out)

    @op
    def gemm(
        self,
        a: DeviceArray,
        b: DeviceArray,
        *,
        out: DeviceArray,
        transpose_a: bool = False,
        transpose_b: bool = False,
        accumulate: bool = False,
    ) -> None:
        m, n = out.shape
        k = a.shape[0 if transpose_a else 1]
        matrices = (a.address, b.address, out.address)
        self.blas.gemm(
            *matrices,
            m,
            n,
            k,
            transpose_a=transpose_a,
            transpose_b=transpose_b,
            accumulate=accumulate,
        )


def compute_block(engine: Arithmetic, block: DeferredBlock) -> None:
    block.run()


@functools.lru_cache(maxsize=4096)
def reduction(x: Shape, out: Shape) -> tuple[bytes, bytes, int]:
    """A reduction of x into `out`, over the axes where `out` has extent 1: the kept axes and the
    summed axes, each as a Box on x, and the number of terms in each sum."""
    over = tuple(n if m == 1 else 1 for n, m in zip(x, out, strict=True))
    return box(out, strides(x)), box(over, strides(x)), prod(over)
