"""Pooling by kernels."""

from math import prod

from ...errors import EngineError
from ..reference import Reference
from .native import or_reference

LARGEST = 2**31  # numbers in a padded image


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
    """struct Pooling of kernels/pooling.hpp. Raises EngineError for a padded image that no memory
    holds."""
    planes, channels, *image = x.shape
    if prod(n + 2 * pad for n, pad in zip(image, window.pad, strict=True)) > LARGEST:
        raise EngineError(
            f'found a pooling window of {window.kernel} with padding {window.pad} around images of '
            f'{tuple(image)}: too large to compute'
        )
    return (planes * channels, *image, *y.shape[2:], *window.kernel, *window.stride, *window.pad)
