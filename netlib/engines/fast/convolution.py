"""Convolution over two spatial axes by kernels, and the choice among them."""
import ctypes
import operator

import numpy as np

from ...shapes import conv_extent
from ..reference import Reference
from .native import or_reference

# Winograd's transforms pay, for these kernels, from so many inputs and outputs of a group on, and so many tiles in a
# batch, for the filters have to be transformed too. Measured on two cores of a Zen 4 for 8 to 512 channels and 4x4 to
# 28x28 pixels: from there on they take 0.3 to 0.9 of the time of the plain product.
TILE = {(3, 3): 4, (5, 5): 2}           # kernel: rows and columns of a tile
CHANNELS, TILES = 16, 16


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
                                  self._winograd(W, window, groups, out))

    @or_reference
    def conv_backward_data(self, dy, W, window, groups, *, out):
        if dy.ndim != 4:
            return NotImplemented
        self.kernels.conv_backward_data(dy, W, out, _shapes(out.shape, dy.shape[1:], window, groups),
                                        self._winograd(W, window, groups, out))

    @or_reference
    def conv_backward_weights(self, x, dy, window, groups, *, out):
        if x.ndim != 4:
            return NotImplemented
        self.kernels.conv_backward_weights(x, dy, out, _shapes(x.shape, dy.shape[1:], window, groups),
                                           self._winograd(out, window, groups, dy))

    @or_reference
    def conv_squared_gradients(self, x, dy, window, groups, *, out):
        if x.ndim != 4:
            return NotImplemented
        self.kernels.conv_squared_gradients(x, dy, out, _shapes(x.shape, dy.shape[1:], window, groups))

    def _winograd(self, W, window, groups, y):
        """1 where a convolution with the weights W that makes the images y goes by Winograd's transform, else 0."""
        tile = TILE.get(window.kernel)
        steps = {*window.stride, *window.dilation}
        if self.exact or tile is None or steps != {1} or any(map(operator.ge, window.pad, window.kernel)):
            return 0
        images, _, height, width = y.shape
        tiles = images * -(-height // tile) * -(-width // tile)
        return int(min(W.shape[0] // groups, W.shape[1]) >= CHANNELS and tiles >= TILES
                   and 2 * images * height * width >= tiles * tile ** 2)


def _shapes(x, y, window, groups):
    """struct Convolution of ../native/convolution.hpp, for shapes x (N, C, H, W) and y (M, H', W')."""
    return (*x, *y, *window.kernel, *window.stride, *window.pad, *window.dilation, groups)
