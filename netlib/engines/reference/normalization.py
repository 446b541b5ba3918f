"""Standardization, local response normalization and softmax."""

import numpy as np

from ..interface import Engine
from .arithmetic import reduced


class Normalization(Engine):
    def lrn_forward(self, x, size, alpha, beta, k, *, out, scale):
        scale[...] = k + alpha / size * _neighbours(np.square(x), size)
        np.multiply(x, scale**-beta, out=out)

    def lrn_backward(self, x, y, dy, scale, size, alpha, beta, *, out):
        ratio = _neighbours(dy * y / scale, size)
        out[...] = dy * scale**-beta - (2 * alpha * beta / size) * x * ratio

    def standardize(self, x, mean, inverse, *, out):
        np.subtract(x, mean, out=out)
        out *= inverse

    def standardize_backward(self, z, inverse, dy, *, out):
        average, along = (term.mean(reduced(z, inverse), keepdims=True) for term in (dy, dy * z))
        out[...] = (dy - average - z * along) * inverse

    def scale_shift(self, x, scale, shift=None, rectify=False, *, out):
        np.multiply(x, scale, out=out)
        if shift is not None:
            out += shift
        if rectify:
            self.unary('relu', out, 0, out=out)

    def scale_shift_backward(self, x, scale, dy, *, out=None, dscale=None, dshift=None):
        if dscale is not None:
            self.dot(dy, x, out=dscale, accumulate=True)
        if dshift is not None:
            self.sum(dy, out=dshift, accumulate=True)
        if out is not None:
            np.multiply(dy, scale, out=out)

    def softmax_forward(self, x, *, out):
        np.subtract(x, x.max(1, keepdims=True, initial=-np.inf), out=out)
        np.exp(out, out=out)
        out /= out.sum(1, keepdims=True)

    def softmax_backward(self, y, dy, *, out):
        np.multiply(y, dy - (y * dy).sum(1, keepdims=True), out=out)


def _neighbours(x, size):
    """At each channel of x (N, C, ...) the sum over the `size` (odd) channels around it; beyond the
    ends zero."""
    total = x.copy()
    for distance in range(1, min(size // 2 + 1, x.shape[1])):
        total[:, distance:] += x[:, :-distance]
        total[:, :-distance] += x[:, distance:]
    return total
