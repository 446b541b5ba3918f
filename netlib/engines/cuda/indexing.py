"""Moving values: boxes, parts along an axis, labels."""

from math import nan, prod

import numpy as np

from ...shapes import Shape
from ..interface import Engine, Ints, op
from .array import DeviceArray
from .declarations import Kernels
from .geometry import box, strides
from .gpu import Gpu


class Indexing(Engine):
    device: Gpu
    kernels: Kernels

    @op
    def copy_window(
        self,
        x: DeviceArray,
        start: Ints,
        *,
        out: DeviceArray,
        at: Ints,
        shape: Ints,
        accumulate: bool = False,
    ) -> None:
        part = box(tuple(shape), strides(x.shape), strides(out.shape))
        source = x.from_element(offset(start, x.shape))
        target = out.from_element(offset(at, out.shape))
        self.kernels.indexing.copy_window(prod(shape), part, source, accumulate, target)

    @op
    def gather(self, x: DeviceArray, index: Ints, axis: int, *, out: DeviceArray) -> None:
        inner = prod(x.shape[axis + 1 :])
        chosen = self.device.integers(index)
        self.kernels.indexing.gather(out.size, x.shape[axis], len(index), inner, chosen, x, out)

    @op
    def scatter_add(self, dy: DeviceArray, index: Ints, axis: int, *, out: DeviceArray) -> None:
        extent = out.shape[axis]
        inner = prod(out.shape[axis + 1 :])
        taken = np.asarray(index, int)
        order = np.argsort(taken, kind='stable')
        first = np.searchsorted(taken[order], range(extent + 1))
        plan = self.device.integers(np.concatenate([first, order]))
        parts = plan.from_element(len(first))
        self.kernels.indexing.scatter_add(out.size, extent, len(index), inner, plan, parts, dy, out)

    @op
    def transpose(self, x: DeviceArray, order: Ints, *, out: DeviceArray) -> None:
        steps = strides(x.shape)
        moved = box(out.shape, tuple(steps[axis] for axis in order), strides(out.shape))
        self.kernels.indexing.copy_window(out.size, moved, x, False, out)

    @op
    def one_hot(self, label: DeviceArray, ignore: float | None, *, out: DeviceArray) -> None:
        """A label out of range is an EngineError when the host next reads a result."""
        _, classes, inner = out.shape
        ignored = nan if ignore is None else ignore
        self.kernels.indexing.one_hot(
            out.size, classes, inner, label, ignored, self.device.fault, out
        )


def offset(start: Ints, shape: Shape) -> int:
    """The number of an element of a tensor, counted in row order."""
    return sum(i * n for i, n in zip(start, strides(shape), strict=True))
