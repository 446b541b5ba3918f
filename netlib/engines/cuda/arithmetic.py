"""Elementwise functions and the matrix product."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager

from .. import dropout
from ..interface import op
from .array import DeviceArray
from .block import DeferredBlock
from .cublas import Cublas, open_cublas
from .geometry import box, strides
from .reductions import Reductions


class Arithmetic(Reductions):
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
