"""Convolution as a matrix product: the patches of an image as columns, times the weights (im2col +
GEMM)."""

import numpy as np

from ...shapes import conv_extent
from ..interface import Engine


class Convolution(Engine):
    def im2col(self, x, window, *, out):
        extents = _extents(x, window)
        padded = _padded(x, window)
        columns = out.reshape(*x.shape[:2], -1, *extents)
        for k, at in enumerate(_offsets(window, extents)):
            columns[:, :, k] = padded[(..., *at)]

    def col2im(self, columns, window, *, out):
        extents = _extents(out, window)
        padded = np.zeros_like(_padded(out, window))
        columns = columns.reshape(*out.shape[:2], -1, *extents)
        for k, at in enumerate(_offsets(window, extents)):
            padded[(..., *at)] += columns[:, :, k]
        out[...] = padded[
            (..., *(slice(p, p + n) for p, n in zip(window.pad, out.shape[2:], strict=True)))
        ]

    def patches(self, x, window, groups, positions, *, out):
        extents = _extents(x, window)
        image, *place = np.unravel_index(positions, (len(x), *extents))
        padded = _padded(x, window)
        rows = out.reshape(groups, len(image), x.shape[1] // groups, -1)
        for k, offset in enumerate(np.ndindex(window.kernel)):
            at = tuple(
                p * s + o * d
                for p, s, o, d in zip(place, window.stride, offset, window.dilation, strict=True)
            )
            values = padded[(image, slice(None), *at)]
            rows[..., k] = values.reshape(len(image), groups, -1).swapaxes(0, 1)

    def conv_forward(self, x, W, window, groups, bias=None, rectify=False, scale=None, *, out):
        W = W.reshape(groups, W.shape[0] // groups, -1)
        for columns, y in zip(self._columns(x, window, groups), out, strict=True):
            np.matmul(W, columns, out=y.reshape(groups, W.shape[1], -1))
        if scale is not None:
            out *= scale.reshape(-1, *(1,) * len(window.kernel))
        if bias is not None:
            out += bias.reshape(-1, *(1,) * len(window.kernel))
        if rectify:
            self.unary('relu', out, 0, out=out)

    def conv_backward_data(self, dy, W, window, groups, *, out):
        W_t = W.reshape(groups, W.shape[0] // groups, -1).swapaxes(1, 2)
        columns = np.empty((groups, W_t.shape[1], dy[0, 0].size), out.dtype)
        for dy_n, dx_n in zip(dy, out, strict=True):
            np.matmul(W_t, dy_n.reshape(groups, W_t.shape[2], -1), out=columns)
            if window.pointwise:
                dx_n[...] = columns.reshape(dx_n.shape)
            else:
                self.col2im(columns[None], window, out=dx_n[None])

    def conv_backward_weights(self, x, dy, window, groups, *, out):
        dW = out.reshape(groups, out.shape[0] // groups, -1)
        for columns, dy_n in zip(self._columns(x, window, groups), dy, strict=True):
            dW += dy_n.reshape(groups, dW.shape[1], -1) @ columns.swapaxes(1, 2)

    def conv_squared_gradients(self, x, dy, window, groups, *, out):
        gradient = np.empty_like(out)
        for x_n, dy_n in zip(x, dy, strict=True):
            gradient[...] = 0
            self.conv_backward_weights(x_n[None], dy_n[None], window, groups, out=gradient)
            out += np.square(gradient, out=gradient)

    def _columns(self, x, window, groups):
        """The columns of one image after the other, (groups, K, positions), in one buffer used
        again and again."""
        if window.pointwise:
            yield from x.reshape(len(x), groups, x.shape[1] // groups, -1)
            return
        extents = _extents(x, window)
        k = x.shape[1] * int(np.prod(window.kernel))
        columns = np.empty((1, k, *extents), x.dtype)
        for image in x:
            self.im2col(image[None], window, out=columns)
            yield columns.reshape(groups, k // groups, -1)


def _extents(x, window):
    """Positions of the window along each spatial axis of x (N, C, ...)."""
    return tuple(conv_extent(n, *rest) for n, *rest in zip(x.shape[2:], *window, strict=True))


def _padded(x, window):
    if not any(window.pad):
        return x
    return np.pad(x, [(0, 0), (0, 0), *((p, p) for p in window.pad)])


def _offsets(window, extents):
    """For each element of the kernel, the slices of the padded image that hold it for all
    positions."""
    for offset in np.ndindex(window.kernel):
        yield tuple(
            slice(o * d, o * d + s * (n - 1) + 1, s)
            for o, d, s, n in zip(offset, window.dilation, window.stride, extents, strict=True)
        )
