"""Pooling by kernels."""
from ..reference import Reference
from .native import or_reference


class Pooling(Reference):

    @or_reference
    def pool_max_forward(self, x, window, *, out, mask):
        self.kernels.pool_max_forward(x, out, mask, _shapes(x, out, window))

    @or_reference
    def pool_mask_backward(self, dy, mask, window, *, out):
        self.kernels.pool_mask_backward(dy, mask, out, _shapes(out, dy, window))

    @or_reference
    def pool_ave_forward(self, x, window, *, out):
        self.kernels.pool_ave_forward(x, out, _shapes(x, out, window))

    @or_reference
    def pool_ave_backward(self, dy, window, *, out):
        self.kernels.pool_ave_backward(dy, out, _shapes(out, dy, window))


def _shapes(x, y, window):
    """struct Pooling of ../native/pooling.hpp."""
    planes, channels, *image = x.shape
    return (planes * channels, *image, *y.shape[2:], *window.kernel, *window.stride, *window.pad)
