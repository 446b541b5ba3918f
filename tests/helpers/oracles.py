"""Operations written out as loops over single numbers, in float64: slow, and plain enough to be
believed."""

from itertools import product
from math import prod

import numpy as np


def convolution(x, W, window, groups):
    """x (N, C, ...), W (M, C / groups, *kernel) -> (N, M, ...)."""
    N, M, (_, per_group) = len(x), len(W), W.shape[:2]
    extents = []
    for n, k, s, p, d in zip(x.shape[2:], *window, strict=True):
        extents.append((n + 2 * p - d * (k - 1) - 1) // s + 1)
    y = np.zeros((N, M, *extents))
    for n, m, *at in np.ndindex(y.shape):
        first = m // (M // groups) * per_group
        for c, *offset in product(range(per_group), *map(range, window.kernel)):
            y[(n, m, *at)] += W[(m, c, *offset)] * seen(x[n, first + c], at, offset, window)
    return y


def seen(image, at, offset, window):
    """The number under element `offset` of the window at position `at`; 0 in the padding."""
    _, stride, pad, dilation = window
    place = []
    for a, o, s, p, d in zip(at, offset, stride, pad, dilation, strict=True):
        place.append(a * s - p + o * d)
    inside = all(0 <= i < n for i, n in zip(place, image.shape, strict=True))
    return image[tuple(place)] if inside else 0.0


def im2col(x, window, extents):
    """x (N, C, ...) -> (N, C prod(kernel), *extents)."""
    N, C = x.shape[:2]
    columns = np.zeros((N, C * prod(window.kernel), *extents))
    elements = list(product(range(C), *map(range, window.kernel)))
    for n, row, *at in np.ndindex(columns.shape):
        c, *offset = elements[row]
        columns[(n, row, *at)] = seen(x[n, c], at, offset, window)
    return columns


def pool(x, window, extents):
    """Largest, its flat place, average of each window of x (N, C, H, W), each (N, C, *extents)."""
    shape = (*x.shape[:2], *extents)
    largest = np.zeros(shape)
    place = np.zeros(shape)
    average = np.zeros(shape)
    for n, c, *at in np.ndindex(shape):
        image = x[n, c]
        spans = []
        for a, size, k, s, p in zip(at, image.shape, *window[:3], strict=True):
            start = a * s - p
            spans.append((start, min(start + k, size + p)))
        found = best_inside(image, spans)
        largest[(n, c, *at)], place[(n, c, *at)] = found
        clipped = [
            range(*inside(span, size)) for span, size in zip(spans, image.shape, strict=True)
        ]
        total = sum(image[pixel] for pixel in product(*clipped))
        average[(n, c, *at)] = total / prod(end - start for start, end in spans)
    return largest, place, average


def inside(span, size):
    """The part of a span that lies in an image."""
    start, end = span
    return max(start, 0), min(end, size)


def best_inside(image, spans):
    """The largest number in a window, the first of equals, and its flat place."""
    rows, columns = (range(*inside(s, n)) for s, n in zip(spans, image.shape, strict=True))
    best = max(product(rows, columns), key=lambda at: image[at])
    return image[best], best[0] * image.shape[1] + best[1]


def roi_pool(x, bins, shape):
    """(largest, its flat place) of each bin of x (N, C, H, W), each of the shape (regions, C, H',
    W')."""
    largest = np.zeros(shape)
    place = np.full(shape, -1.0)
    for region, c, i, j in np.ndindex(*shape):
        spans = (bins.rows[region][i], bins.columns[region][j])
        if all(start < end for start, end in spans):
            image = x[bins.images[region], c]
            largest[region, c, i, j], place[region, c, i, j] = best_inside(image, spans)
    return largest, place


def lrn(x, size, alpha, beta, k):
    """x (N, C, ...) over `size` neighboring channels -> (y, scale)."""
    scale = np.zeros(x.shape)
    for n, c, *at in np.ndindex(x.shape):
        near = range(max(c - size // 2, 0), min(c + size // 2 + 1, x.shape[1]))
        scale[(n, c, *at)] = k + alpha / size * sum(x[(n, j, *at)] ** 2 for j in near)
    return x * scale**-beta, scale


def softmax(x):
    """x (outer, classes, inner)."""
    y = np.zeros(x.shape)
    for i, j in product(range(x.shape[0]), range(x.shape[2])):
        scores = x[i, :, j]
        e = [np.exp(score - max(scores)) for score in scores]
        y[i, :, j] = np.divide(e, sum(e))
    return y


def gemm(a, b):
    """a (M, K), b (K, N) -> (M, N)."""
    c = np.zeros((a.shape[0], b.shape[1]))
    for i, j in np.ndindex(c.shape):
        c[i, j] = sum(a[i, k] * b[k, j] for k in range(a.shape[1]))
    return c
