"""Convolution over two spatial axes by kernels, and the choice between them."""

import ctypes

import numpy as np
from numpy import ndarray

from ...shapes import Shape, conv_extent
from ..interface import Ints, Window, op
from ..reference import Reference
from .declarations import Kernels
from .loops import takes

# Winograd's transforms pay for these kernels, with at least so many inputs and outputs in a group,
# and so many cells in a batch, since the filters (or their gradient) have to be transformed too.
# Measured on two cores of a Zen 4 for 8 to 512 channels and 4x4 to 56x56 pixels
# (benchmarks/winograd.py; docs/cpu.md has the table).
KERNELS = ((3, 3), (5, 5))
CHANNELS, CELLS, CELLS_FOR_WEIGHTS = 16, 4, 16
CELL = 4  # rows and columns of a cell, as in kernels/winograd.hpp


class Convolution(Reference):
    kernels: Kernels
    exact = False

    @op
    def patches(
        self, x: ndarray, window: Window, groups: int, positions: Ints, *, out: ndarray
    ) -> None:
        if x.ndim != 4 or not x.size:
            super().patches(x, window, groups, positions, out=out)
            return
        extents = [conv_extent(n, *rest) for n, *rest in zip(x.shape[2:], *window, strict=True)]
        chosen = np.ascontiguousarray(positions, ctypes.c_long)
        convolution = shapes(x.shape, (groups, *extents), window, groups)
        self.kernels.patches(x, chosen, out, len(chosen), convolution)

    @op
    def conv_forward(
        self,
        x: ndarray,
        W: ndarray,
        window: Window,
        groups: int,
        bias: ndarray | None = None,
        rectify: bool = False,
        scale: ndarray | None = None,
        *,
        out: ndarray,
    ) -> None:
        if not takes(x, W, out):
            super().conv_forward(x, W, window, groups, bias, rectify, scale, out=out)
            return
        convolution = shapes(x.shape, out.shape[1:], window, groups)
        winograd = self.winograd(W.shape, window, groups, out.shape)
        self.kernels.conv_forward(x, W, scale, bias, out, convolution, rectify, winograd)

    @op
    def conv_backward_data(
        self, dy: ndarray, W: ndarray, window: Window, groups: int, *, out: ndarray
    ) -> None:
        if not takes(dy, W, out):
            super().conv_backward_data(dy, W, window, groups, out=out)
            return
        convolution = shapes(out.shape, dy.shape[1:], window, groups)
        winograd = self.winograd(W.shape, window, groups, out.shape)
        self.kernels.conv_backward_data(dy, W, out, convolution, winograd)

    @op
    def conv_backward_weights(
        self, x: ndarray, dy: ndarray, window: Window, groups: int, *, out: ndarray
    ) -> None:
        if not takes(x, dy, out):
            super().conv_backward_weights(x, dy, window, groups, out=out)
            return
        convolution = shapes(x.shape, dy.shape[1:], window, groups)
        winograd = self.winograd(out.shape, window, groups, dy.shape, CELLS_FOR_WEIGHTS)
        self.kernels.conv_backward_weights(x, dy, out, convolution, winograd)

    @op
    def conv_squared_gradients(
        self, x: ndarray, dy: ndarray, window: Window, groups: int, *, out: ndarray
    ) -> None:
        if not takes(x, dy, out):
            super().conv_squared_gradients(x, dy, window, groups, out=out)
            return
        convolution = shapes(x.shape, dy.shape[1:], window, groups)
        of_an_image = (1, *dy.shape[1:])
        winograd = self.winograd(out.shape, window, groups, of_an_image, CELLS_FOR_WEIGHTS)
        self.kernels.conv_squared_gradients(x, dy, out, convolution, winograd)

    def winograd(self, W: Shape, window: Window, groups: int, y: Shape, least: int = CELLS) -> bool:
        """Whether to compute a convolution with weights and output of these shapes by Winograd's
        transform."""
        if self.exact or not transformable(window):
            return False
        images, _, height, width = y
        cells = images * -(-height // CELL) * -(-width // CELL)
        channels = min(W[0] // groups, W[1])
        used = images * height * width  # of the numbers in the cells
        return channels >= CHANNELS and cells >= least and 2 * used >= cells * CELL**2


def transformable(window: Window) -> bool:
    """Whether Winograd's transforms can compute a convolution with this window."""
    if window.kernel not in KERNELS or {*window.stride, *window.dilation} != {1}:
        return False
    return all(pad < n for pad, n in zip(window.pad, window.kernel, strict=True))


def shapes(x: Shape, y: Shape, window: Window, groups: int) -> Shape:
    """struct Convolution of kernels/shapes.hpp, for shapes x (N, C, H, W) and y (M, H', W')."""
    return (*x, *y, *window.kernel, *window.stride, *window.pad, *window.dilation, groups)
