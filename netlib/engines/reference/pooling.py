"""Pooling over two spatial axes, one window element at a time, for all positions at once; pooling
over regions, bin by bin."""

from collections.abc import Iterator
from math import prod

import numpy as np
from numpy import ndarray

from ...machine import host_zeros
from ...shapes import Shape
from ..interface import Bins, Engine, Window, op
from .convolution import inside, seen

LOWEST = -np.finfo(np.float32).max


class Pooling(Engine):
    @op
    def pool_max_forward(self, x: ndarray, window: Window, *, out: ndarray, mask: ndarray) -> None:
        out[...] = LOWEST
        mask[...] = -1
        for offset, values in windowed(x, out.shape[2:], window, -np.inf):
            better = values > out
            np.copyto(out, values, where=better)
            np.copyto(mask, places(offset, x, out.shape[2:], window), where=better)

    @op
    def pool_mask_backward(
        self, dy: ndarray, mask: ndarray, window: Window, *, out: ndarray
    ) -> None:
        planes = dy.shape[0] * dy.shape[1]
        dy = dy.reshape(planes, prod(dy.shape[2:]))
        index = mask.reshape(dy.shape).astype(int)
        flat = np.zeros((planes, prod(out.shape[2:])), out.dtype)
        # Floats beyond 2^24 may be rounded past the end.
        plane, position = np.nonzero((index >= 0) & (index < flat.shape[1]))
        np.add.at(flat, (plane, index[plane, position]), dy[plane, position])
        out[...] = flat.reshape(out.shape)

    @op
    def pool_mask_forward(self, x: ndarray, mask: ndarray, *, out: ndarray) -> None:
        places = prod(x.shape[2:])
        index = mask.reshape(*mask.shape[:2], prod(mask.shape[2:])).astype(int)
        known = (index >= 0) & (index < places)
        planes = x.reshape(*x.shape[:2], places)
        if not planes.size:
            out[...] = 0
            return
        values = np.take_along_axis(planes, np.where(known, index, 0), 2)
        out[...] = np.where(known, values, 0).reshape(out.shape)

    @op
    def pool_ave_forward(self, x: ndarray, window: Window, *, out: ndarray) -> None:
        out[...] = 0
        for _, values in windowed(x, out.shape[2:], window, 0):
            out += values
        with np.errstate(invalid='ignore'):
            out /= sizes(x, out, window).astype(out.dtype)

    @op
    def pool_ave_backward(self, dy: ndarray, window: Window, *, out: ndarray) -> None:
        size = np.maximum(sizes(out, dy, window), 1)
        share = dy / size.astype(dy.dtype)
        padded = room(out, dy.shape[2:], window, 0)
        for offset in np.ndindex(window.kernel):
            padded[seen(window, offset, dy.shape[2:])] += share
        out[...] = padded[inside(window, out.shape[2:])]

    @op
    def roi_pool_forward(self, x: ndarray, bins: Bins, *, out: ndarray, winner: ndarray) -> None:
        out[...] = 0
        winner[...] = -1
        for region, i, j in np.ndindex(out.shape[0], *out.shape[2:]):
            top, bottom = bins.rows[region][i]
            left, right = bins.columns[region][j]
            if top >= bottom or left >= right:
                continue
            values = x[bins.images[region], :, top:bottom, left:right].reshape(
                x.shape[1], (bottom - top) * (right - left)
            )
            best = values.argmax(1)
            out[region, :, i, j] = values[range(len(values)), best]
            row, column = np.divmod(best, right - left)
            winner[region, :, i, j] = (top + row) * x.shape[3] + left + column

    @op
    def roi_pool_backward(self, dy: ndarray, winner: ndarray, bins: Bins, *, out: ndarray) -> None:
        channels = out.shape[1]
        images = np.array(bins.images, int)[:, None]
        planes = images * channels + np.arange(channels)
        places = planes[:, :, None, None] * prod(out.shape[2:]) + winner.astype(int)
        won = winner >= 0
        sums = np.bincount(places[won], dy[won], out.size)
        out[...] = sums.reshape(out.shape)


def room(x: ndarray, positions: Shape, window: Window, value: float) -> ndarray:
    """An array filled with `value`, large enough for x (N, C, H, W) with its padding and for the
    window at all positions."""
    extents = []
    for n, m, k, s, p in zip(x.shape[2:], positions, *window[:3], strict=True):
        extents.append(max(n + 2 * p, (m - 1) * s + k))
    padded = host_zeros((*x.shape[:2], *extents), x.dtype)
    padded.fill(value)
    return padded


def windowed(
    x: ndarray, positions: Shape, window: Window, outside: float
) -> Iterator[tuple[Shape, ndarray]]:
    """For each window element, its offset and its input at all positions, which is `outside`
    beyond the image."""
    padded = room(x, positions, window, outside)
    padded[inside(window, x.shape[2:])] = x
    for offset in np.ndindex(window.kernel):
        yield offset, padded[seen(window, offset, positions)]


def places(offset: Shape, x: ndarray, positions: Shape, window: Window) -> ndarray:
    """The flat index y W + x, in the image, of window element `offset` at all positions."""
    axes = []
    for o, n, s, p in zip(offset, positions, window.stride, window.pad, strict=True):
        axes.append(np.arange(n) * s + o - p)
    rows, columns = axes
    return (rows[:, None] * x.shape[3] + columns).astype(x.dtype)


def sizes(x: ndarray, y: ndarray, window: Window) -> ndarray:
    """Elements in each window after clipping to the padded image, (H', W')."""
    axes = []
    for n, m, k, s, p in zip(x.shape[2:], y.shape[2:], *window[:3], strict=True):
        start = np.arange(m) * s
        axes.append(np.minimum(start + k, n + 2 * p) - start)
    rows, columns = axes
    return rows[:, None] * columns
