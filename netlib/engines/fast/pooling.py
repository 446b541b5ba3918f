"""Pooling by kernels."""

from math import prod

from numpy import ndarray

from ...errors import EngineError
from ...shapes import Shape
from ..interface import Window, op
from ..reference import Reference
from .declarations import Kernels
from .loops import takes

LARGEST = 2**31  # numbers in a padded image


class Pooling(Reference):
    kernels: Kernels

    @op
    def pool_max_forward(self, x: ndarray, window: Window, *, out: ndarray, mask: ndarray) -> None:
        if not takes(x, out):
            super().pool_max_forward(x, window, out=out, mask=mask)
            return
        self.kernels.pool_max_forward(x, out, mask, pooling(x, out, window))

    @op
    def pool_mask_backward(
        self, dy: ndarray, mask: ndarray, window: Window, *, out: ndarray
    ) -> None:
        if not takes(dy, out):
            super().pool_mask_backward(dy, mask, window, out=out)
            return
        self.kernels.pool_mask_backward(dy, mask, out, pooling(out, dy, window))

    @op
    def pool_ave_forward(self, x: ndarray, window: Window, *, out: ndarray) -> None:
        if not takes(x, out):
            super().pool_ave_forward(x, window, out=out)
            return
        self.kernels.pool_ave_forward(x, out, pooling(x, out, window))

    @op
    def pool_ave_backward(self, dy: ndarray, window: Window, *, out: ndarray) -> None:
        if not takes(dy, out):
            super().pool_ave_backward(dy, window, out=out)
            return
        self.kernels.pool_ave_backward(dy, out, pooling(out, dy, window))


def pooling(x: ndarray, y: ndarray, window: Window) -> Shape:
    """struct Pooling of kernels/pooling.hpp. Raises EngineError for a padded image that is too
    large for memory."""
    images, channels, *extents = x.shape
    padded = [n + 2 * pad for n, pad in zip(extents, window.pad, strict=True)]
    if prod(padded) > LARGEST:
        raise EngineError(
            f'found a pooling window of {window.kernel} with padding {window.pad} around images of '
            f'{tuple(extents)}: too large to compute'
        )
    moves = (*window.kernel, *window.stride, *window.pad)
    return (images * channels, *extents, *y.shape[2:], *moves)
