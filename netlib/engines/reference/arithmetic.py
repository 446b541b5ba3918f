"""Moving values, elementwise functions, reductions and the matrix product."""

import numpy as np

from ...errors import EngineError
from ..interface import Engine
from .elementwise import BINARY, UNARY


class Arithmetic(Engine):
    def fill(self, value, *, out):
        out[...] = value

    def axpby(self, alpha, x, beta, *, out):
        x = x.reshape(out.shape)
        if beta == 0:
            np.multiply(x, out.dtype.type(alpha), out=out)
        else:
            out *= out.dtype.type(beta)
            out += out.dtype.type(alpha) * x if alpha != 1 else x

    def copy_window(self, x, start, *, out, at, shape, accumulate=False):
        source = x[tuple(slice(s, s + n) for s, n in zip(start, shape, strict=True))]
        target = out[tuple(slice(a, a + n) for a, n in zip(at, shape, strict=True))]
        if accumulate:
            target += source
        else:
            target[...] = source

    def gather(self, x, index, axis, *, out):
        index = np.asarray(index, dtype=int)
        np.take(x, index, axis, out=out, mode='wrap')
        out[(slice(None),) * axis + (index < 0,)] = 0

    def scatter_add(self, dy, index, axis, *, out):
        index = np.asarray(index, dtype=int)
        out[...] = 0
        target, source = np.moveaxis(out, axis, 0), np.moveaxis(dy, axis, 0)
        np.add.at(target, index[index >= 0], source[index >= 0])

    def transpose(self, x, order, *, out):
        out[...] = x.transpose(order)

    def unary(self, name, x, *parameters, out):
        out[...] = UNARY[name][0](x, *parameters)

    def unary_backward(self, name, x, y, dy, *parameters, out):
        out[...] = UNARY[name][1](x, y, dy, *parameters)

    def binary(self, name, a, b, *, out):
        out[...] = BINARY[name](a, b)

    def dropout_mask(self, seed, ratio, *, out):
        kept = _scrambled(np.arange(out.size, dtype=np.uint32), seed) >= min(
            int(ratio * 2**32), 2**32 - 1
        )
        out[...] = kept.reshape(out.shape) * out.dtype.type(1 / (1 - ratio) if ratio < 1 else 0)

    def sum(self, x, *, out, accumulate=False):
        total = x.sum(reduced(x, out), keepdims=True)
        out[...] = out + total if accumulate else total

    def dot(self, a, b, *, out, accumulate=False):
        self.sum(a * b, out=out, accumulate=accumulate)

    def moments(self, x, *, mean, var):
        axes = reduced(x, mean)
        mean[...] = x.mean(axes, keepdims=True)
        var[...] = np.square(x - mean).mean(axes, keepdims=True)

    def max_forward(self, x, *, out, winner):
        out[...], winner[...] = x[:, 0], 0
        for piece in range(1, x.shape[1]):
            better = x[:, piece] >= out if piece == 1 else x[:, piece] > out
            np.copyto(out, x[:, piece], where=better)
            winner[better] = piece

    def max_backward(self, dy, winner, *, out):
        for piece in range(out.shape[1]):
            np.multiply(dy, winner == piece, out=out[:, piece])

    def gemm(self, a, b, *, out, transpose_a=False, transpose_b=False, accumulate=False):
        a, b = (a.T if transpose_a else a), (b.T if transpose_b else b)
        if accumulate:
            out += a @ b
        else:
            np.matmul(a, b, out=out)

    def one_hot(self, label, ignore, *, out):
        label = label.astype(int)
        out[...] = 0
        wanted = np.ones(label.shape, bool) if ignore is None else label != ignore
        classes = out.shape[1]
        wrong = label[wanted & ((label < 0) | (label >= classes))]
        if wrong.size:
            raise EngineError(
                f'found the label {wrong[0]}: labels must lie in 0 .. {classes - 1}, '
                f'for as many classes as the scores have ({classes})'
            )
        image, place = np.nonzero(wanted)
        out[image, label[image, place], place] = 1


def reduced(x, out):
    """The axes over which a reduction into `out` runs; one that has extent 1 in both is no matter."""
    return tuple(i for i, n in enumerate(out.shape) if n == 1)


def _scrambled(index, seed):
    """A 32-bit hash of (index, seed): murmur3's finalizer, twice, with the seed in between."""
    for word in (seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF):
        index = index + np.uint32(word)
        index ^= index >> np.uint32(16)
        index *= np.uint32(0x85EBCA6B)
        index ^= index >> np.uint32(13)
        index *= np.uint32(0xC2B2AE35)
        index ^= index >> np.uint32(16)
    return index
