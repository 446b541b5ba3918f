"""Max and average pooling over two spatial axes."""

from math import prod

import numpy as np

from ..interface import Engine
from .device import Device
from .geometry import window_over


class Pooling(Engine):
    device: Device

    def pool_max_forward(self, x, window, *, out, mask):
        self._pool('max_forward', out.size, x, out, window, x, out, mask)

    def pool_mask_backward(self, dy, mask, window, *, out):
        self._pool('mask_backward', out.size, out, dy, window, dy, mask, out)

    def pool_mask_forward(self, x, mask, *, out):
        self.device.per_element(
            'pooling',
            'mask_forward',
            out.size,
            prod(x.shape[2:]),
            prod(out.shape[2:]),
            x,
            mask,
            out,
        )

    def pool_ave_forward(self, x, window, *, out):
        self._pool('ave_forward', out.size, x, out, window, x, out)

    def pool_ave_backward(self, dy, window, *, out):
        self._pool('ave_backward', out.size, out, dy, window, dy, out)

    def roi_pool_forward(self, x, bins, *, out, winner):
        self.device.per_element(
            'pooling',
            'roi_forward',
            out.size,
            *x.shape[1:],
            *out.shape[2:],
            self._packed(bins, out),
            x,
            out,
            winner,
        )

    def roi_pool_backward(self, dy, winner, bins, *, out):
        self.device.per_element(
            'pooling',
            'roi_backward',
            out.size,
            *out.shape[1:],
            *dy.shape[2:],
            len(bins.images),
            self._packed(bins, dy),
            dy,
            winner,
            out,
        )

    def _packed(self, bins, y):
        """On the device, row by row of a matrix: for each region its image, its rows of bins, its
        columns of bins."""
        parts = zip(bins, (1, 2 * y.shape[2], 2 * y.shape[3]), strict=True)
        return self.device.integers(
            np.hstack([np.reshape(part, (y.shape[0], n)) for part, n in parts])
        )

    def _pool(self, kernel, n, x, y, window, *arrays):
        self.device.per_element(
            'pooling', kernel, n, window_over(x.shape[2:], y.shape[2:], window), *arrays
        )
