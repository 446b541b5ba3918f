"""Max and average pooling over two spatial axes, and over regions."""

from math import prod

import numpy as np

from ...shapes import Shape
from ..interface import Bins, Engine, Window, op
from .array import DeviceArray
from .declarations import Kernels
from .geometry import window_over
from .gpu import Gpu


class Pooling(Engine):
    device: Gpu
    kernels: Kernels

    @op
    def pool_max_forward(
        self, x: DeviceArray, window: Window, *, out: DeviceArray, mask: DeviceArray
    ) -> None:
        slid = window_over(x.shape[2:], out.shape[2:], window)
        self.kernels.pooling.max_forward(out.size, slid, x, out, mask)

    @op
    def pool_mask_backward(
        self, dy: DeviceArray, mask: DeviceArray, window: Window, *, out: DeviceArray
    ) -> None:
        slid = window_over(out.shape[2:], dy.shape[2:], window)
        threads, fours = by_four(out.shape)
        self.kernels.pooling.mask_backward(threads, slid, fours, dy, mask, out)

    @op
    def pool_mask_forward(self, x: DeviceArray, mask: DeviceArray, *, out: DeviceArray) -> None:
        places, positions = prod(x.shape[2:]), prod(out.shape[2:])
        self.kernels.pooling.mask_forward(out.size, places, positions, x, mask, out)

    @op
    def pool_ave_forward(self, x: DeviceArray, window: Window, *, out: DeviceArray) -> None:
        slid = window_over(x.shape[2:], out.shape[2:], window)
        self.kernels.pooling.ave_forward(out.size, slid, x, out)

    @op
    def pool_ave_backward(self, dy: DeviceArray, window: Window, *, out: DeviceArray) -> None:
        slid = window_over(out.shape[2:], dy.shape[2:], window)
        threads, fours = by_four(out.shape)
        self.kernels.pooling.ave_backward(threads, slid, fours, dy, out)

    @op
    def roi_pool_forward(
        self, x: DeviceArray, bins: Bins, *, out: DeviceArray, winner: DeviceArray
    ) -> None:
        _, channels, height, width = x.shape
        rows, columns = out.shape[2:]
        packed = self.device.integers(pack_bins(bins, rows, columns))
        self.kernels.pooling.roi_forward(
            out.size, channels, height, width, rows, columns, packed, x, out, winner
        )

    @op
    def roi_pool_backward(
        self, dy: DeviceArray, winner: DeviceArray, bins: Bins, *, out: DeviceArray
    ) -> None:
        _, channels, height, width = out.shape
        regions, _, rows, columns = dy.shape
        packed = self.device.integers(pack_bins(bins, rows, columns))
        self.kernels.pooling.roi_backward(
            out.size, channels, height, width, rows, columns, regions, packed, dy, winner, out
        )


def by_four(shape: Shape) -> tuple[int, int]:
    """How many threads a tensor takes, with up to four neighbors of a row each, and how many a
    row."""
    *outer, width = shape
    fours = -(-width // 4)
    return prod(outer) * fours, fours


def pack_bins(bins: Bins, rows: int, columns: int) -> np.ndarray:
    """A row for each region: its image, its rows of bins, its columns of bins."""
    regions = len(bins.images)
    images = np.reshape(bins.images, (regions, 1))
    along = np.reshape(bins.rows, (regions, 2 * rows))
    across = np.reshape(bins.columns, (regions, 2 * columns))
    return np.hstack([images, along, across])
