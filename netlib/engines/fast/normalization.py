"""Local response normalization by kernels."""
from math import prod

from ..reference import Reference
from .native import or_reference


class Normalization(Reference):

    @or_reference
    def lrn_forward(self, x, size, alpha, beta, k, *, out, scale):
        self.kernels.lrn_forward(x, out, scale, _shape(x, size), float(alpha), float(beta), float(k))

    @or_reference
    def lrn_backward(self, x, y, dy, scale, size, alpha, beta, *, out):
        self.kernels.lrn_backward(x, y, dy, scale, out, _shape(x, size), float(alpha), float(beta))


def _shape(x, size):
    """struct Lrn of ../native/normalization.hpp."""
    images, channels, *inner = x.shape
    return (images, channels, prod(inner), size)
