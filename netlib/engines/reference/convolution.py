"""Convolution as a matrix product: the patches of an image as columns, times the weights (im2col +
GEMM)."""

from collections.abc import Iterator
from math import prod

import numpy as np
from numpy import ndarray

from ...machine import host_zeros
from ...shapes import Shape, conv_extent
from ..interface import Ints, Window, op
from .arithmetic import Arithmetic


class Convolution(Arithmetic):
    @op
    def im2col(self, x: ndarray, window: Window, *, out: ndarray) -> None:
        extents = positions_of(window, x.shape[2:])
        padded = pad(x, window)
        columns = out.reshape(*x.shape[:2], prod(window.kernel), *extents)
        for k, offset in enumerate(np.ndindex(window.kernel)):
            columns[:, :, k] = padded[seen(window, offset, extents)]

    @op
    def col2im(self, columns: ndarray, window: Window, *, out: ndarray) -> None:
        extents = positions_of(window, out.shape[2:])
        padded = np.zeros_like(pad(out, window))
        columns = columns.reshape(*out.shape[:2], prod(window.kernel), *extents)
        for k, offset in enumerate(np.ndindex(window.kernel)):
            padded[seen(window, offset, extents)] += columns[:, :, k]
        out[...] = padded[inside(window, out.shape[2:])]

    @op
    def patches(
        self, x: ndarray, window: Window, groups: int, positions: Ints, *, out: ndarray
    ) -> None:
        extents = positions_of(window, x.shape[2:])
        image, *position = np.unravel_index(positions, (len(x), *extents))
        padded = pad(x, window)
        channels = x.shape[1] // groups
        rows = out.reshape(groups, len(image), channels, prod(window.kernel))
        corner = [p * s for p, s in zip(position, window.stride, strict=True)]
        for k, offset in enumerate(np.ndindex(window.kernel)):
            step = [o * d for o, d in zip(offset, window.dilation, strict=True)]
            place = [c + s for c, s in zip(corner, step, strict=True)]
            values = padded[(image, slice(None), *place)]
            rows[..., k] = values.reshape(len(image), groups, channels).swapaxes(0, 1)

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
        W = by_group(W, groups)
        for columns, y in zip(self._columns(x, window, groups), out, strict=True):
            np.matmul(W, columns, out=by_group(y, groups))
        ones = (1,) * len(window.kernel)
        if scale is not None:
            out *= scale.reshape(-1, *ones)
        if bias is not None:
            out += bias.reshape(-1, *ones)
        if rectify:
            self.unary('relu', out, 0, out=out)

    @op
    def conv_backward_data(
        self, dy: ndarray, W: ndarray, window: Window, groups: int, *, out: ndarray
    ) -> None:
        W_t = by_group(W, groups).swapaxes(1, 2)
        columns = np.empty((groups, W_t.shape[1], prod(dy.shape[2:])), out.dtype)
        for dy_n, dx_n in zip(dy, out, strict=True):
            np.matmul(W_t, by_group(dy_n, groups), out=columns)
            if window.pointwise:
                dx_n[...] = columns.reshape(dx_n.shape)
            else:
                self.col2im(columns[None], window, out=dx_n[None])

    @op
    def conv_backward_weights(
        self, x: ndarray, dy: ndarray, window: Window, groups: int, *, out: ndarray
    ) -> None:
        dW = by_group(out, groups)
        for columns, dy_n in zip(self._columns(x, window, groups), dy, strict=True):
            dW += by_group(dy_n, groups) @ columns.swapaxes(1, 2)

    @op
    def conv_squared_gradients(
        self, x: ndarray, dy: ndarray, window: Window, groups: int, *, out: ndarray
    ) -> None:
        gradient = np.empty_like(out)
        for x_n, dy_n in zip(x, dy, strict=True):
            gradient[...] = 0
            self.conv_backward_weights(x_n[None], dy_n[None], window, groups, out=gradient)
            out += np.square(gradient, out=gradient)

    def _columns(self, x: ndarray, window: Window, groups: int) -> Iterator[ndarray]:
        """The columns of each image in turn, (groups, K, positions), in one buffer."""
        if window.pointwise:
            for image in x:
                yield by_group(image, groups)
            return
        extents = positions_of(window, x.shape[2:])
        k = x.shape[1] * prod(window.kernel)
        columns = np.empty((1, k, *extents), x.dtype)
        for image in x:
            self.im2col(image[None], window, out=columns)
            yield by_group(columns[0], groups)


def positions_of(window: Window, image: Shape) -> Shape:
    """The number of window positions along each axis of an image."""
    return tuple(conv_extent(n, *rest) for n, *rest in zip(image, *window, strict=True))


def pad(x: ndarray, window: Window) -> ndarray:
    """x (N, C, ...) with its images padded by zeros."""
    if not any(window.pad):
        return x
    extents = [n + 2 * p for n, p in zip(x.shape[2:], window.pad, strict=True)]
    padded = host_zeros((*x.shape[:2], *extents), x.dtype)
    padded[inside(window, x.shape[2:])] = x
    return padded


def by_group(x: ndarray, groups: int) -> ndarray:
    """x (C, ...) as (groups, C / groups, the product of the rest)."""
    return x.reshape(groups, x.shape[0] // groups, prod(x.shape[1:]))


def inside(window: Window, image: Shape) -> tuple:
    """The index of the original images in the result of `pad`."""
    places = [slice(p, p + n) for p, n in zip(window.pad, image, strict=True)]
    return (..., *places)


def seen(window: Window, offset: Shape, extents: Shape) -> tuple:
    """The index, in padded images, of the inputs of kernel element `offset` at each position."""
    places = []
    for o, d, s, n in zip(offset, window.dilation, window.stride, extents, strict=True):
        length = max(0, s * (n - 1) + 1)
        places.append(slice(o * d, o * d + length, s))
    return (..., *places)
