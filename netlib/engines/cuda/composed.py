"""The ops that do the work of several others, each by one kernel or two."""

from .. import dropout
from ..interface import op
from .array import ITEM, DeviceArray
from .chunks import Chunked, Columns, chunked, division
from .geometry import box, strides
from .normalization import Normalization


class Composed(Normalization):
    @op
    def dropout(
        self, x: DeviceArray, seed: int, ratio: float, *, out: DeviceArray, mask: DeviceArray
    ) -> None:
        low, high = dropout.words(seed)
        kept = dropout.kept_value(ratio)
        self.kernels.elementwise.dropout(
            out.size, low, high, dropout.threshold(ratio), kept, x, mask, out
        )

    @op
    def rectify_backward(
        self,
        y: DeviceArray,
        dy: DeviceArray,
        *,
        out: DeviceArray,
        dshift: DeviceArray | None = None,
        also: DeviceArray | None = None,
    ) -> None:
        kernels = self.kernels.composed
        if dshift is None:
            kernels.rectify_backward_twice(out.size, y, dy, out, also)
            return
        if also is not None:
            self.rectify_backward(y, dy, out=also)
        found = division(y.shape, dshift.shape)
        if isinstance(found, Chunked):
            kernels.rectify_backward(found, y, dy, *self.shared_by_blocks(), out, dshift)
        elif isinstance(found, Columns):
            _, terms, inner = found
            kernels.rectify_backward_columns(dshift.size, terms, inner, y, dy, out, dshift)
        else:
            self.unary_backward('relu', y, y, dy, 0, out=out)
            self.sum(out, out=dshift, accumulate=True)

    @op
    def normalize_batch(
        self,
        x: DeviceArray,
        eps: float,
        keep: float,
        scale: DeviceArray | None = None,
        shift: DeviceArray | None = None,
        rectify: bool = False,
        *,
        z: DeviceArray,
        mean: DeviceArray,
        inverse: DeviceArray,
        stored_mean: DeviceArray,
        stored_var: DeviceArray,
        factor: DeviceArray,
        out: DeviceArray | None = None,
    ) -> None:
        kernels = self.kernels.composed
        stored = (stored_mean, stored_var, factor)
        shared = self.shared_by_blocks()
        kernels.batch_statistics(chunked(*x.shape), x, eps, keep, *shared, mean, inverse, *stored)
        each = box(x.shape, strides(x.shape), strides(mean.shape))
        kernels.batch_normalize(x.size, each, x, mean, inverse, scale, shift, rectify, z, out)

    @op
    def normalize_batch_backward(
        self,
        z: DeviceArray,
        inverse: DeviceArray,
        dy: DeviceArray,
        scale: DeviceArray | None = None,
        shift: DeviceArray | None = None,
        y: DeviceArray | None = None,
        *,
        out: DeviceArray,
        dscale: DeviceArray | None = None,
        dshift: DeviceArray | None = None,
    ) -> None:
        # Whether ReLU let a number pass follows from z: y need not be read.
        kernels, channels = self.kernels.composed, z.shape[1]
        address = self.device.scratch('averages', 2 * ITEM * channels)
        averages = DeviceArray(address, (2, channels))
        affine = (scale, shift, y is not None)
        shared = self.shared_by_blocks()
        kernels.batch_sums(chunked(*z.shape), z, dy, *affine, *shared, dscale, dshift, averages)
        each = box(z.shape, strides(z.shape), strides(inverse.shape))
        kernels.batch_backward(z.size, each, z, inverse, dy, *affine, channels, averages, out)

    @op
    def cross_entropy(
        self,
        p: DeviceArray,
        label: DeviceArray,
        floor: float,
        factor: float,
        *,
        out: DeviceArray,
    ) -> None:
        """A label out of range is an EngineError when the host next reads a result."""
        _, classes, inner = p.shape
        labels, fault = chunked(1, 1, label.size), self.device.fault
        shared = self.shared_by_blocks()
        self.kernels.composed.cross_entropy(
            labels, classes, inner, p, label, floor, factor, fault, *shared, out
        )

    @op
    def cross_entropy_backward(
        self, p: DeviceArray, label: DeviceArray, factor: float, *, out: DeviceArray
    ) -> None:
        _, classes, inner = p.shape
        kernel = self.kernels.composed.cross_entropy_backward
        kernel(out.size, classes, inner, p, label, factor, out)
