"""Convolution over two spatial axes by kernels, and the choice among them."""

import ctypes
import operator

import numpy as np

from ...shapes import conv_extent
from ..reference import Reference
from .native import or_reference

# Winograd's transforms pay, for these kernels, from so many inputs and outputs of a group on, and
# so many tiles in a batch, for the filters, or their gradient, have to be transformed too. Measured
# on two cores of a Zen 4 for 8 to 512 channels and 4x4 to 56x56 pixels (benchmarks/winograd.py;
# docs/cpu.md has the table).
KERNELS = ((3, 3), (5, 5))
CHANNELS, TILES, TILES_FOR_WEIGHTS = 16, 4, 16
TILE = 4  # rows and columns of a tile


class Convolution(Reference):
    exact = False

    @or_reference
    def patches(self, x, window, groups, positions, *, out):
        if x.ndim != 4:
            return NotImplemented
        extents = (conv_extent(n, *rest) for n, *rest in zip(x.shape[2:], *window, strict=True))
        chosen = np.ascontiguousarray(positions, ctypes.c_long)
        self.kernels.patches(
            x, chosen, out, len(chosen), shapes(x.shape, (groups, *extents), window, groups)
        )

    @or_reference
    def conv_forward(self, x, W, window, groups, bias=None, rectify=False, scale=None, *, out):
        if x.ndim != 4:
            return NotImplemented
        self.kernels.conv_forward(
            x,
            W,
            scale,
            bias,
            out,
            shapes(x.shape, out.shape[1:], window, groups),
            int(rectify),
            self.winograd(W.shape, window, groups, out.shape),
        )

    @or_reference
    def conv_backward_data(self, dy, W, window, groups, *, out):
        if dy.ndim != 4:
            return NotImplemented
        self.kernels.conv_backward_data(
            dy,
            W,
            out,
            shapes(out.shape, dy.shape[1:], window, groups),
            self.winograd(W.shape, window, groups, out.shape),
        )

    @or_reference
    def conv_backward_weights(self, x, dy, window, groups, *, out):
        if x.ndim != 4:
            return NotImplemented
        self.kernels.conv_backward_weights(
            x,
            dy,
            out,
            shapes(x.shape, dy.shape[1:], window, groups),
            self.winograd(out.shape, window, groups, dy.shape, TILES_FOR_WEIGHTS),
        )

    @or_reference
    def conv_squared_gradients(self, x, dy, window, groups, *, out):
        if x.ndim != 4:
            return NotImplemented
        self.kernels.conv_squared_gradients(
            x, dy, out, shapes(x.shape, dy.shape[1:], window, groups)
        )

    def winograd(self, W, window, groups, y, least=TILES):
        """1 where a convolution with weights and output of these shapes goes by Winograd's
        transform, else 0."""
        if (
            self.exact
            or window.kernel not in KERNELS
            or {*window.stride, *window.dilation} != {1}
            or any(map(operator.ge, window.pad, window.kernel))
        ):
            return 0
        images, _, height, width = y
        tiles = images * -(-height // TILE) * -(-width // TILE)
        return int(
            min(W[0] // groups, W[1]) >= CHANNELS
            and tiles >= least
            and 2 * images * height * width >= tiles * TILE**2
        )


def shapes(x, y, window, groups):
    """struct Convolution of kernels/shapes.hpp, for shapes x (N, C, H, W) and y (M, H', W')."""
    return (*x, *y, *window.kernel, *window.stride, *window.pad, *window.dilation, groups)
