"""Moving values: boxes, parts along an axis, labels."""

from math import nan, prod

import numpy as np

from ..interface import Engine
from .device import Device, DeviceArray
from .geometry import box, strides


class Indexing(Engine):
    device: Device

    def copy_window(self, x, start, *, out, at, shape, accumulate=False):
        part = box(shape, strides(x.shape), strides(out.shape))
        self.device.per_element(
            'indexing',
            'copy_window',
            prod(shape),
            part,
            corner(x, start),
            int(accumulate),
            corner(out, at),
        )

    def gather(self, x, index, axis, *, out):
        self.device.per_element(
            'indexing',
            'gather',
            out.size,
            x.shape[axis],
            len(index),
            prod(x.shape[axis + 1 :]),
            self.device.integers(index),
            x,
            out,
        )

    def scatter_add(self, dy, index, axis, *, out):
        extent, index = out.shape[axis], np.asarray(index, int)
        part = np.argsort(index, kind='stable')
        first = np.searchsorted(index[part], range(extent + 1))
        plan = self.device.integers([*first, *part])
        self.device.per_element(
            'indexing',
            'scatter_add',
            out.size,
            extent,
            len(index),
            prod(out.shape[axis + 1 :]),
            plan,
            DeviceArray(plan.address + 4 * len(first), part.shape),
            dy,
            out,
        )

    def transpose(self, x, order, *, out):
        steps = strides(x.shape)
        moved = box(out.shape, [steps[axis] for axis in order], strides(out.shape))
        self.device.per_element('indexing', 'copy_window', out.size, moved, x, 0, out)

    def one_hot(self, label, ignore, *, out):
        """A label out of range is an EngineError when the host next reads a result."""
        _, classes, inner = out.shape
        self.device.per_element(
            'indexing',
            'one_hot',
            out.size,
            classes,
            inner,
            label,
            nan if ignore is None else float(ignore),
            np.uintp(self.device.fault),
            out,
        )


def corner(x, start):
    """The array that begins at element `start` of x."""
    return DeviceArray(
        x.address + 4 * sum(s * n for s, n in zip(start, strides(x.shape), strict=True)), x.shape
    )
