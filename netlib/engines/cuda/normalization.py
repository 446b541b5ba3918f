"""Standardization, local response normalization and softmax."""

from math import prod

from ..interface import op
from .arithmetic import Arithmetic
from .array import DeviceArray
from .geometry import box, strides


class Normalization(Arithmetic):
    @op
    def lrn_forward(
        self,
        x: DeviceArray,
        size: int,
        alpha: float,
        beta: float,
        k: float,
        *,
        out: DeviceArray,
        scale: DeviceArray,
    ) -> None:
        channels, inner = x.shape[1], prod(x.shape[2:])
        self.kernels.normalization.lrn_forward(
            x.size, channels, inner, size, alpha, beta, k, x, out, scale
        )

    @op
    def lrn_backward(
        self,
        x: DeviceArray,
        y: DeviceArray,
        dy: DeviceArray,
        scale: DeviceArray,
        size: int,
        alpha: float,
        beta: float,
        *,
        out: DeviceArray,
    ) -> None:
        channels, inner = x.shape[1], prod(x.shape[2:])
        self.kernels.normalization.lrn_backward(
            x.size, channels, inner, size, alpha, beta, x, y, dy, scale, out
        )

    @op
    def standardize(
        self, x: DeviceArray, mean: DeviceArray, inverse: DeviceArray, *, out: DeviceArray
    ) -> None:
        each = box(out.shape, strides(x.shape), strides(mean.shape))
        self.kernels.normalization.standardize(out.size, each, x, mean, inverse, out)

    @op
    def scale_shift(
        self,
        x: DeviceArray,
        scale: DeviceArray | None,
        shift: DeviceArray | None = None,
        rectify: bool = False,
        *,
        out: DeviceArray,
    ) -> None:
        small = scale or shift or x
        each = box(out.shape, strides(x.shape), strides(small.shape))
        self.kernels.normalization.scale_shift(out.size, each, x, scale, shift, rectify, out)

    @op
    def softmax_forward(self, x: DeviceArray, *, out: DeviceArray) -> None:
        outer, classes, inner = x.shape
        self.kernels.normalization.softmax_forward(outer * inner, classes, inner, x, out)

    @op
    def softmax_backward(self, y: DeviceArray, dy: DeviceArray, *, out: DeviceArray) -> None:
        outer, classes, inner = y.shape
        self.kernels.normalization.softmax_backward(outer * inner, classes, inner, y, dy, out)
