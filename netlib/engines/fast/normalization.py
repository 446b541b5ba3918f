"""Standardization, local response normalization and softmax by kernels."""

from math import prod

from ..reference import Reference
from .loops import reduction
from .native import or_reference


class Normalization(Reference):
    @or_reference
    def lrn_forward(self, x, size, alpha, beta, k, *, out, scale):
        self.kernels.lrn_forward(
            x, out, scale, _shape(x, size), float(alpha), float(beta), float(k)
        )

    @or_reference
    def lrn_backward(self, x, y, dy, scale, size, alpha, beta, *, out):
        self.kernels.lrn_backward(x, y, dy, scale, out, _shape(x, size), float(alpha), float(beta))

    @or_reference
    def standardize(self, x, mean, inverse, *, out):
        shape = reduction(x.shape, mean.shape)
        if shape is None:
            return NotImplemented
        self.kernels.standardize(x, mean, inverse, out, *shape)

    @or_reference
    def standardize_backward(self, z, inverse, dy, *, out):
        shape = reduction(z.shape, inverse.shape)
        if shape is None:
            return NotImplemented
        self.kernels.standardize_backward(z, inverse, dy, out, *shape)

    @or_reference
    def scale_shift(self, x, scale, shift=None, rectify=False, *, out):
        shape = reduction(x.shape, scale.shape)
        if shape is None:
            return NotImplemented
        self.kernels.scale_shift(x, scale, shift, out, *shape, int(rectify))

    @or_reference
    def scale_shift_backward(self, x, scale, dy, *, out=None, dscale=None, dshift=None):
        shape = reduction(x.shape, scale.shape)
        if shape is None:
            return NotImplemented
        self.kernels.scale_shift_backward(x, scale, dy, out, dscale, dshift, *shape)

    @or_reference
    def softmax_forward(self, x, *, out):
        self.kernels.softmax_forward(x, out, *out.shape)

    @or_reference
    def softmax_backward(self, y, dy, *, out):
        self.kernels.softmax_backward(y, dy, out, *out.shape)


def _shape(x, size):
    """struct Lrn of kernels/normalization.hpp."""
    images, channels, *inner = x.shape
    return (images, channels, prod(inner), size)
