"""Standardization, local response normalization and softmax."""

import numpy as np
from numpy import ndarray

from ..interface import op
from .arithmetic import Arithmetic, reduced


class Normalization(Arithmetic):
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
        scale[...] = k + alpha / size * sum_over_neighbors(np.square(x), size)
        np.multiply(x, scale**-beta, out=out)

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
        ratio = sum_over_neighbors(dy * y / scale, size)
        out[...] = dy * scale**-beta - (2 * alpha * beta / size) * x * ratio

    @op
    def standardize(self, x: ndarray, mean: ndarray, inverse: ndarray, *, out: ndarray) -> None:
        np.subtract(x, mean, out=out)
        out *= inverse

    @op
    def standardize_backward(
        self, z: ndarray, inverse: ndarray, dy: ndarray, *, out: ndarray
    ) -> None:
        axes = reduced(inverse)
        average = dy.mean(axes, keepdims=True)
        along = (dy * z).mean(axes, keepdims=True)
        out[...] = (dy - average - z * along) * inverse

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
        np.multiply(x, 1 if scale is None else scale, out=out)
        if shift is not None:
            out += shift
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
        if dscale is not None:
            self.dot(dy, x, out=dscale, accumulate=True)
        if dshift is not None:
            self.sum(dy, out=dshift, accumulate=True)
        if out is not None:
            np.multiply(dy, scale, out=out)

    @op
    def softmax_forward(self, x: ndarray, *, out: ndarray) -> None:
        largest = x.max(1, keepdims=True, initial=-np.inf)
        np.subtract(x, largest, out=out)
        np.exp(out, out=out)
        out /= out.sum(1, keepdims=True)

    @op
    def softmax_backward(self, y: ndarray, dy: ndarray, *, out: ndarray) -> None:
        along = (y * dy).sum(1, keepdims=True)
        np.multiply(y, dy - along, out=out)


def sum_over_neighbors(x: ndarray, size: int) -> ndarray:
    """For each channel of x (N, C, ...), the sum over the `size` (odd) channels around it. Missing
    channels count as zero."""
    total = x.copy()
    channels = x.shape[1]
    for distance in range(1, min(size // 2 + 1, channels)):
        total[:, distance:] += x[:, :-distance]
        total[:, :-distance] += x[:, distance:]
    return total
