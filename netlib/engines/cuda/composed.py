"""The ops that do the work of several others, each by one kernel or two."""

from .. import dropout
from ..interface import op
from .array import ITEM, DeviceArray
from .chunks import Chunked, Columns, chunked, chunks_of, division
from .normalization import Normalization
from .reductions import reduction


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
        terms = chunked(*x.shape)
        kernels.batch_statistics(terms, x, eps, keep, *shared, mean, inverse, *stored)
        kernels.batch_normalize(terms, x, mean, inverse, scale, shift, rectify, z, out)

    @op
    def stored_moments(
        self,
        stored_mean: DeviceArray,
        stored_var: DeviceArray,
        factor: DeviceArray,
        eps: float,
        *,
        mean: DeviceArray,
        inverse: DeviceArray,
    ) -> None:
        kernel = self.kernels.composed.stored_moments
        kernel(mean.size, stored_mean, stored_var, factor, eps, mean, inverse)

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
        affine = (scale, shift, y is not None)
        terms = chunked(*z.shape)
        self._normalized_backward(terms, z, inverse, dy, affine, (dscale, dshift), out)

    def _normalized_backward(
        self,
        terms: Chunked,
        z: DeviceArray,
        inverse: DeviceArray,
        dy: DeviceArray,
        affine: tuple[DeviceArray | None, DeviceArray | None, bool],
        sums: tuple[DeviceArray | None, DeviceArray | None],
        out: DeviceArray,
    ) -> None:
        kernels, averages = self.kernels.composed, self._averages(inverse)
        kernels.batch_sums(terms, z, dy, *affine, *self.shared_by_blocks(), *sums, averages)
        kernels.batch_backward(terms, z, inverse, dy, *affine, averages, out)

    def _averages(self, inverse: DeviceArray) -> DeviceArray:
        """Room for two numbers for each of `inverse`."""
        address = self.device.scratch('averages', 2 * ITEM * inverse.size)
        return DeviceArray(address, (2, *inverse.shape))

    @op
    def standardize_backward(
        self, z: DeviceArray, inverse: DeviceArray, dy: DeviceArray, *, out: DeviceArray
    ) -> None:
        terms = chunks_of(z.shape, inverse.shape)
        if terms is not None and terms.chunks > 1:
            affine, sums = (None, None, False), (None, None)
            self._normalized_backward(terms, z, inverse, dy, affine, sums, out)
        else:  # one launch
            kept, over, count = reduction(z.shape, inverse.shape)
            kernel = self.kernels.normalization.standardize_backward
            kernel(inverse.size, kept, over, count, z, inverse, dy, out)

    @op
    def scale_shift_backward(
        self,
        x: DeviceArray,
        scale: DeviceArray,
        dy: DeviceArray,
        *,
        out: DeviceArray | None = None,
        dscale: DeviceArray | None = None,
        dshift: DeviceArray | None = None,
    ) -> None:
        terms = chunks_of(x.shape, scale.shape)
        if dscale is not None and dshift is not None and terms is not None:
            shared, averages = self.shared_by_blocks(), self._averages(scale)
            kernel = self.kernels.composed.batch_sums
            kernel(terms, x, dy, None, None, False, *shared, dscale, dshift, averages)
        else:
            self._sums_backward(x, dy, dscale, dshift)
        if out is not None:
            self.binary('mul', dy, scale, out=out)

    def _sums_backward(
        self,
        x: DeviceArray,
        dy: DeviceArray,
        dscale: DeviceArray | None,
        dshift: DeviceArray | None,
    ) -> None:
        """The sums of scale_shift_backward one after the other."""
        if dscale is not None:
            self.dot(dy, x, out=dscale, accumulate=True)
        if dshift is not None:
            self.sum(dy, out=dshift, accumulate=True)

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
