"""Convolution over two spatial axes by kernels, and the choice among them."""
import ctypes

import numpy as np

from ...shapes import conv_extent
from ..reference import Reference
from .native import or_reference

# Winograd's transforms pay from these numbers of (inputs x outputs) of a group on. Measured on one core of a Zen 4 for
# 16 to 256 channels and 7x7 to 56x56 pixels; from there on they take 0.4 to 0.95 of the time of the plain product.
FORWARD, WEIGHTS = 32 * 32, 48 * 48
CHANNELS = 16           # of either kind at least,
TILES = 48              # and of the 4x4 tiles of all images, for the filters have to be transformed too
TILE = 4


class Convolution(Reference):

    exact = False

    @or_reference
    def patches(self, x, window, groups, positions, *, out):
        if x.ndim != 4:
            return NotImplemented
        extents = (conv_extent(n, *rest) for n, *rest in zip(x.shape[2:], *window, strict=True))
        chosen = np.ascontiguousarray(positions, ctypes.c_long)
        self.kernels.patches(x, chosen, out, len(chosen), _shapes(x.shape, (groups, *extents), window, groups))

    @or_reference
    def conv_forward(self, x, W, window, groups, *, out):
        if x.ndim != 4:
            return NotImplemented
        self.kernels.conv_forward(x, W, out, _shapes(x.shape, out.shape[1:], window, groups),
                                  self._winograd(W, window, groups, out, FORWARD))

    @or_reference
    def conv_backward_data(self, dy, W, window, groups, *, out):
        if dy.ndim != 4:
            return NotImplemented
        self.kernels.conv_backward_data(dy, W, out, _shapes(out.shape, dy.shape[1:], window, groups),
                                        self._winograd(W, window, groups, out, FORWARD))

    @or_reference
    def conv_backward_weights(self, x, dy, window, groups, *, out):
        if x.ndim != 4:
            return NotImplemented
        self.kernels.conv_backward_weights(x, dy, out, _shapes(x.shape, dy.shape[1:], window, groups),
                                           self._winograd(out, window, groups, dy, WEIGHTS))

    @or_reference
    def conv_squared_gradients(self, x, dy, window, groups, *, out):
        if x.ndim != 4:
            return NotImplemented
        self.kernels.conv_squared_gradients(x, dy, out, _shapes(x.shape, dy.shape[1:], window, groups))

    def _winograd(self, W, window, groups, y, least):
        """1 where a convolution with the weights W that makes the images y goes by Winograd's transform, else 0."""
        if self.exact or window.kernel != (3, 3) or window.stride != (1, 1) or window.dilation != (1, 1):
            return 0
        images, _, height, width = y.shape
        tiles = images * -(-height // TILE) * -(-width // TILE)
        outputs, inputs = W.shape[0] // groups, W.shape[1]
        return int(min(inputs, outputs) >= CHANNELS and inputs * outputs >= least and tiles >= TILES
                   and 2 * images * height * width >= tiles * TILE ** 2)


def _shapes(x, y, window, groups):
    """struct Convolution of ../native/convolution.hpp, for shapes x (N, C, H, W) and y (M, H', W')."""
    return (*x, *y, *window.kernel, *window.stride, *window.pad, *window.dilation, groups)
