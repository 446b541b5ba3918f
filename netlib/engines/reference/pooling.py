"""Pooling over two spatial axes: window by window element, all positions at once; over regions, bin
by bin."""

import numpy as np

from ..interface import Engine

LOWEST = -np.finfo(np.float32).max


class Pooling(Engine):
    def pool_max_forward(self, x, window, *, out, mask):
        out[...], mask[...] = LOWEST, -1
        for seen, (y0, x0) in _windowed(x, out, window, -np.inf):
            better = seen > out
            np.copyto(out, seen, where=better)
            np.copyto(mask, _places(y0, x0, x, out, window), where=better)

    def pool_mask_backward(self, dy, mask, window, *, out):
        flat = np.zeros((dy.shape[0] * dy.shape[1], out[0, 0].size), out.dtype)
        index = mask.reshape(len(flat), -1).astype(int)
        plane, position = np.nonzero(index >= 0)
        np.add.at(flat, (plane, index[plane, position]), dy.reshape(index.shape)[plane, position])
        out[...] = flat.reshape(out.shape)

    def pool_mask_forward(self, x, mask, *, out):
        index = mask.reshape(*mask.shape[:2], -1).astype(int)
        seen = np.take_along_axis(x.reshape(*x.shape[:2], -1), index, 2)
        out[...] = np.where(index < 0, 0, seen).reshape(out.shape)

    def pool_ave_forward(self, x, window, *, out):
        out[...] = 0
        for seen, _ in _windowed(x, out, window, 0):
            out += seen
        with np.errstate(invalid='ignore'):
            out /= _sizes(x, out, window).astype(out.dtype)

    def pool_ave_backward(self, dy, window, *, out):
        sizes = _sizes(out, dy, window)
        share = dy / np.maximum(sizes, 1).astype(dy.dtype)
        padded = _room(out, dy, window, 0)
        for at in _slices(dy, window):
            padded[at] += share
        out[...] = _inside(padded, out, window)

    def roi_pool_forward(self, x, bins, *, out, winner):
        out[...], winner[...] = 0, -1
        for region, i, j in np.ndindex(out.shape[0], *out.shape[2:]):
            (top, bottom), (left, right) = bins.rows[region][i], bins.columns[region][j]
            if top < bottom and left < right:
                seen = x[bins.images[region], :, top:bottom, left:right].reshape(x.shape[1], -1)
                best = seen.argmax(1)
                out[region, :, i, j] = seen[range(len(seen)), best]
                winner[region, :, i, j] = (
                    (top + best // (right - left)) * x.shape[3] + left + best % (right - left)
                )

    def roi_pool_backward(self, dy, winner, bins, *, out):
        out[...] = 0
        for image, gradients, places in zip(bins.images, dy, winner, strict=True):
            for plane, gradient, place in zip(
                out[image], gradients, places.astype(int), strict=True
            ):
                np.add.at(plane.reshape(-1), place[place >= 0], gradient[place >= 0])


def _room(x, y, window, value):
    """An array of `value` large enough for x (N, C, H, W) with its padding and for every window of
    y."""
    extents = [
        max(n + 2 * p, (m - 1) * s + k)
        for n, m, k, s, p in zip(x.shape[2:], y.shape[2:], *window[:3], strict=True)
    ]
    return np.full((*x.shape[:2], *extents), value, x.dtype)


def _inside(padded, x, window):
    """The part of the padded array that is x itself."""
    return padded[(..., *(slice(p, p + n) for p, n in zip(window.pad, x.shape[2:], strict=True)))]


def _slices(y, window):
    for offset in np.ndindex(window.kernel):
        yield (
            ...,
            *(
                slice(o, o + s * (n - 1) + 1, s)
                for o, s, n in zip(offset, window.stride, y.shape[2:], strict=True)
            ),
        )


def _windowed(x, y, window, outside):
    """Per element of the window: what all positions see there (`outside` beyond the image), and its
    offset."""
    padded = _room(x, y, window, outside)
    _inside(padded, x, window)[...] = x
    for at, offset in zip(_slices(y, window), np.ndindex(window.kernel), strict=True):
        yield padded[at], offset


def _places(y0, x0, x, y, window):
    """The flat place y W + x in the image of the window element (y0, x0), for all positions."""
    rows, columns = (
        np.arange(n) * s + o - p
        for n, s, o, p in zip(y.shape[2:], window.stride, (y0, x0), window.pad, strict=True)
    )
    return (rows[:, None] * x.shape[3] + columns).astype(x.dtype)


def _sizes(x, y, window):
    """Elements in each window after clipping to the padded image, (H', W')."""
    along = []
    for n, m, k, s, p in zip(x.shape[2:], y.shape[2:], *window[:3], strict=True):
        start = np.arange(m) * s
        along.append(np.minimum(start + k, n + 2 * p) - start)
    return along[0][:, None] * along[1]
