"""Standardization, local response normalization and softmax."""

from math import prod

from ..interface import Engine
from .arithmetic import reduction
from .device import Device
from .geometry import box, strides


class Normalization(Engine):
    device: Device

    def lrn_forward(self, x, size, alpha, beta, k, *, out, scale):
        self.device.per_element(
            'normalization',
            'lrn_forward',
            x.size,
            x.shape[1],
            prod(x.shape[2:]),
            size,
            float(alpha),
            float(beta),
            float(k),
            x,
            out,
            scale,
        )

    def lrn_backward(self, x, y, dy, scale, size, alpha, beta, *, out):
        self.device.per_element(
            'normalization',
            'lrn_backward',
            x.size,
            x.shape[1],
            prod(x.shape[2:]),
            size,
            float(alpha),
            float(beta),
            x,
            y,
            dy,
            scale,
            out,
        )

    def standardize(self, x, mean, inverse, *, out):
        self.device.per_element(
            'normalization',
            'standardize',
            out.size,
            box(out.shape, strides(x.shape), strides(mean.shape)),
            x,
            mean,
            inverse,
            out,
        )

    def standardize_backward(self, z, inverse, dy, *, out):
        kept, over, terms = reduction(z.shape, inverse.shape)
        self.device.per_block(
            'normalization',
            'standardize_backward',
            inverse.size,
            terms,
            kept,
            over,
            terms,
            z,
            inverse,
            dy,
            out,
        )

    def scale_shift(self, x, scale, shift=None, rectify=False, *, out):
        self.device.per_element(
            'normalization',
            'scale_shift',
            out.size,
            box(out.shape, strides(x.shape), strides(scale.shape)),
            x,
            scale,
            shift,
            int(rectify),
            out,
        )

    def scale_shift_backward(self, x, scale, dy, *, out=None, dscale=None, dshift=None):
        if dscale is not None:
            self.dot(dy, x, out=dscale, accumulate=True)
        if dshift is not None:
            self.sum(dy, out=dshift, accumulate=True)
        if out is not None:
            self.binary('mul', dy, scale, out=out)

    def softmax_forward(self, x, *, out):
        self._per_vector('softmax_forward', x.shape, x, out)

    def softmax_backward(self, y, dy, *, out):
        self._per_vector('softmax_backward', y.shape, y, dy, out)

    def _per_vector(self, kernel, shape, *arrays):
        outer, classes, inner = shape
        self.device.per_block(
            'normalization', kernel, outer * inner, classes, classes, inner, *arrays
        )
