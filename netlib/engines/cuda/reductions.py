"""Sums over some axes, means and variances, and the largest of some pieces."""

import functools
from math import prod

from ...shapes import Shape
from ..interface import Engine, op
from .array import DeviceArray
from .chunks import PARTIALS, Chunked, Columns, chunks_of, division
from .declarations import Kernels
from .geometry import box, strides
from .gpu import Gpu


class Reductions(Engine):
    device: Gpu
    kernels: Kernels

    @op
    def sum(self, x: DeviceArray, *, out: DeviceArray, accumulate: bool = False) -> None:
        self._sum(x, None, accumulate, out)

    @op
    def dot(
        self, a: DeviceArray, b: DeviceArray, *, out: DeviceArray, accumulate: bool = False
    ) -> None:
        self._sum(a, b, accumulate, out)

    def _sum(
        self, a: DeviceArray, b: DeviceArray | None, accumulate: bool, out: DeviceArray
    ) -> None:
        kernels, found = self.kernels.reduction, division(a.shape, out.shape)
        if isinstance(found, Chunked):
            kernels.sum_terms(found, a, b, accumulate, *self.shared_by_blocks(), out)
        elif isinstance(found, Columns):
            kernels.sum_columns(out.size, found.terms, found.inner, a, b, accumulate, out)
        else:
            kept, over, terms = reduction(a.shape, out.shape)
            kernels.sum(out.size, kept, over, terms, a, b, accumulate, out)

    @op
    def moments(self, x: DeviceArray, *, mean: DeviceArray, var: DeviceArray) -> None:
        kernels, found = self.kernels.reduction, chunks_of(x.shape, mean.shape)
        if found is not None:
            kernels.moments_terms(found, x, *self.shared_by_blocks(), mean, var)
        else:
            kept, over, terms = reduction(x.shape, mean.shape)
            kernels.moments(mean.size, kept, over, terms, x, mean, var)

    def shared_by_blocks(self) -> tuple[int, int]:
        """The addresses of what blocks that share a result leave to the last of them, and of the
        counters by which that one is known."""
        return self.device.scratch('partials', PARTIALS), self.device.arrived

    @op
    def max_forward(self, x: DeviceArray, *, out: DeviceArray, winner: DeviceArray) -> None:
        _, pieces, inner = x.shape
        self.kernels.reduction.max_forward(out.size, pieces, inner, x, out, winner)

    @op
    def max_backward(self, dy: DeviceArray, winner: DeviceArray, *, out: DeviceArray) -> None:
        _, pieces, inner = out.shape
        self.kernels.reduction.max_backward(out.size, pieces, inner, dy, winner, out)


@functools.lru_cache(maxsize=4096)
def reduction(x: Shape, out: Shape) -> tuple[bytes, bytes, int]:
    """A reduction of x into `out`, over the axes where `out` has extent 1: the kept axes and the
    summed axes, each as a Box on x, and the number of terms in each sum."""
    over = tuple(n if m == 1 else 1 for n, m in zip(x, out, strict=True))
    return box(out, strides(x)), box(over, strides(x)), prod(over)
