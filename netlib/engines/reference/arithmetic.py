"""Elementwise functions, reductions and the matrix product."""

import numpy as np
from numpy import ndarray

from ..dropout import kept_value, threshold, words
from ..interface import Engine, op
from .elementwise import BINARY, UNARY


class Arithmetic(Engine):
    @op
    def fill(self, value: float, *, out: ndarray) -> None:
        out[...] = value

    @op
    def copy(self, x: ndarray, *, out: ndarray) -> None:
        out[...] = x.reshape(out.shape)

    @op
    def axpby(self, alpha: float, x: ndarray, beta: float, *, out: ndarray) -> None:
        x = x.reshape(out.shape)
        number = out.dtype.type
        if beta == 0:
            np.multiply(x, number(alpha), out=out)
            return
        out *= number(beta)
        out += x if alpha == 1 else number(alpha) * x

    @op
    def unary(self, name: str, x: ndarray, *parameters: float, out: ndarray) -> None:
        value, _ = UNARY[name]
        out[...] = value(x, *parameters)

    @op
    def unary_backward(
        self, name: str, x: ndarray, y: ndarray, dy: ndarray, *parameters: float, out: ndarray
    ) -> None:
        _, gradient = UNARY[name]
        out[...] = gradient(x, y, dy, *parameters)

    @op
    def binary(self, name: str, a: ndarray, b: ndarray, *, out: ndarray) -> None:
        out[...] = BINARY[name](a, b)

    @op
    def dropout_mask(self, seed: int, ratio: float, *, out: ndarray) -> None:
        element = np.arange(out.size, dtype=np.uint32)
        kept = scrambled(element, seed) >= threshold(ratio)
        out[...] = kept.reshape(out.shape) * out.dtype.type(kept_value(ratio))

    @op
    def sum(self, x: ndarray, *, out: ndarray, accumulate: bool = False) -> None:
        total = x.sum(reduced(out), keepdims=True)
        out[...] = out + total if accumulate else total

    @op
    def dot(self, a: ndarray, b: ndarray, *, out: ndarray, accumulate: bool = False) -> None:
        self.sum(a * b, out=out, accumulate=accumulate)

    @op
    def moments(self, x: ndarray, *, mean: ndarray, var: ndarray) -> None:
        axes = reduced(mean)
        mean[...] = x.mean(axes, keepdims=True)
        var[...] = np.square(x - mean).mean(axes, keepdims=True)

    @op
    def max_forward(self, x: ndarray, *, out: ndarray, winner: ndarray) -> None:
        out[...] = x[:, 0]
        winner[...] = 0
        for number in range(1, x.shape[1]):
            piece = x[:, number]
            better = piece >= out if number == 1 else piece > out
            np.copyto(out, piece, where=better)
            winner[better] = number

    @op
    def max_backward(self, dy: ndarray, winner: ndarray, *, out: ndarray) -> None:
        for number in range(out.shape[1]):
            np.multiply(dy, winner == number, out=out[:, number])

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
        if transpose_a:
            a = a.T
        if transpose_b:
            b = b.T
        if accumulate:
            out += a @ b
        else:
            np.matmul(a, b, out=out)


def reduced(out: ndarray) -> tuple[int, ...]:
    """The axes that a reduction into `out` sums over: those of extent 1 in `out`."""
    return tuple(i for i, n in enumerate(out.shape) if n == 1)


def scrambled(index: ndarray, seed: int) -> ndarray:
    """A 32-bit hash of (index, seed): murmur3's finalizer, twice, with the seed in between."""
    for word in words(seed):
        index = index + np.uint32(word)
        index ^= index >> np.uint32(16)
        index *= np.uint32(0x85EBCA6B)
        index ^= index >> np.uint32(13)
        index *= np.uint32(0xC2B2AE35)
        index ^= index >> np.uint32(16)
    return index
