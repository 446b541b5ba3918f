"""Standardization, local response normalization and softmax by kernels."""

from math import prod

from numpy import ndarray

from ...shapes import Shape
from ..interface import op
from ..reference import Reference
from .declarations import Kernels
from .loops import reduction


class Normalization(Reference):
    kernels: Kernels

    @op
    def lrn_forward(
        self,
        x: ndarray,
        size: int,
        alpha: float,
        beta: float,
        k: float,
        *,
        out: ndarray,
        scale: ndarray,
    ) -> None:
        self.kernels.lrn_forward(x, out, scale, lrn(x, size), alpha, beta, k)

    @op
    def lrn_backward(
        self,
        x: ndarray,
        y: ndarray,
        dy: ndarray,
        scale: ndarray,
        size: int,
        alpha: float,
        beta: float,
        *,
        out: ndarray,
    ) -> None:
        self.kernels.lrn_backward(x, y, dy, scale, out, lrn(x, size), alpha, beta)

    @op
    def standardize(self, x: ndarray, mean: ndarray, inverse: ndarray, *, out: ndarray) -> None:
        shape = reduction(x.shape, mean.shape)
        if shape is None:
            super().standardize(x, mean, inverse, out=out)
        else:
            self.kernels.standardize(x, mean, inverse, out, *shape)

    @op
    def standardize_backward(
        self, z: ndarray, inverse: ndarray, dy: ndarray, *, out: ndarray
    ) -> None:
        shape = reduction(z.shape, inverse.shape)
        if shape is None:
            super().standardize_backward(z, inverse, dy, out=out)
        else:
            self.kernels.standardize_backward(z, inverse, dy, out, *shape)

    @op
    def scale_shift(
        self,
        x: ndarray,
        scale: ndarray | None,
        shift: ndarray | None = None,
        rectify: bool = False,
        *,
        out: ndarray,
    ) -> None:
        if scale is None:
            self._shift(x, shift, rectify, out)
            return
        shape = reduction(x.shape, scale.shape)
        if shape is None:
            super().scale_shift(x, scale, shift, rectify, out=out)
        else:
            self.kernels.scale_shift(x, scale, shift, out, *shape, rectify)

    def _shift(self, x: ndarray, shift: ndarray | None, rectify: bool, out: ndarray) -> None:
        """scale_shift without a scale."""
        if shift is None:
            self.copy(x, out=out)
        else:
            self.binary('add', x, shift, out=out)
        if rectify:
            self.unary('relu', out, 0, out=out)

    @op
    def scale_shift_backward(
        self,
        x: ndarray,
        scale: ndarray,
        dy: ndarray,
        *,
        out: ndarray | None = None,
        dscale: ndarray | None = None,
        dshift: ndarray | None = None,
    ) -> None:
        shape = reduction(x.shape, scale.shape)
        if shape is None:
            super().scale_shift_backward(x, scale, dy, out=out, dscale=dscale, dshift=dshift)
        else:
            self.kernels.scale_shift_backward(x, scale, dy, out, dscale, dshift, *shape)

    @op
    def softmax_forward(self, x: ndarray, *, out: ndarray) -> None:
        self.kernels.softmax_forward(x, out, *out.shape)

    @op
    def softmax_backward(self, y: ndarray, dy: ndarray, *, out: ndarray) -> None:
        self.kernels.softmax_backward(y, dy, out, *out.shape)


def lrn(x: ndarray, size: int) -> Shape:
    """struct Lrn of kernels/normalization.hpp."""
    images, channels, *inner = x.shape
    return images, channels, prod(inner), size
