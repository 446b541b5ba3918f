"""Operations written out as loops over single numbers, in float64: slow, and plain enough to be
believed."""

from itertools import product

import numpy as np


def convolution(x, W, window, groups):
    """x (N, C, ...), W (M, C / groups, *kernel) -> (N, M, ...)."""
    N, M, (_, per_group) = len(x), len(W), W.shape[:2]
    extents = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(x.shape[2:], *window, strict=True)
    ]
    y = np.zeros((N, M, *extents))
    for n, m, *at in product(range(N), range(M), *map(range, extents)):
        first = m // (M // groups) * per_group
        for c, *offset in product(range(per_group), *map(range, window.kernel)):
            y[(n, m, *at)] += W[(m, c, *offset)] * seen(x[n, first + c], at, offset, window)
    return y


def seen(image, at, offset, window):
    """The number under element `offset` of the window at position `at`; 0 in the padding."""
    place = [
        a * s - p + o * d
        for a, o, s, p, d in zip(
            at, offset, window.stride, window.pad, window.dilation, strict=True
        )
    ]
    inside = all(0 <= i < n for i, n in zip(place, image.shape, strict=True))
    return image[tuple(place)] if inside else 0.0


def im2col(x, window, extents):
    """x (N, C, ...) -> (N, C prod(kernel), *extents)."""
    columns = [
        [
            [seen(image, at, offset, window) for at in product(*map(range, extents))]
            for image in images
            for offset in product(*map(range, window.kernel))
        ]
        for images in x
    ]
    return np.reshape(columns, (len(x), -1, *extents))


def pool(x, window, extents):
    """Largest, its flat place, average of each window of x (N, C, H, W), each (N, C, *extents)."""
    height, width = x.shape[2:]
    largest, place, average = (np.zeros((*x.shape[:2], *extents)) for _ in range(3))
    for n, c, *at in np.ndindex(largest.shape):
        top, left = (a * s - p for a, s, p in zip(at, window.stride, window.pad, strict=True))
        bottom, right = (
            min(start + k, size + p)
            for start, k, size, p in zip(
                (top, left), window.kernel, (height, width), window.pad, strict=True
            )
        )
        size = (bottom - top) * (right - left)
        inside = [
            (y, x_)
            for y in range(max(top, 0), min(bottom, height))
            for x_ in range(max(left, 0), min(right, width))
        ]
        best = max(inside, key=lambda p: x[n, c, p[0], p[1]])  # the first of equals
        largest[(n, c, *at)] = x[n, c, best[0], best[1]]
        place[(n, c, *at)] = best[0] * width + best[1]
        average[(n, c, *at)] = sum(x[n, c, y, x_] for y, x_ in inside) / size
    return largest, place, average


def roi_pool(x, bins, shape):
    """(largest, its flat place) of each bin of x (N, C, H, W), each of the shape (regions, C, H',
    W')."""
    largest, place = np.zeros(shape), np.full(shape, -1.0)
    for region, c, i, j in np.ndindex(*shape):
        image = x[bins.images[region], c]
        inside = list(product(range(*bins.rows[region][i]), range(*bins.columns[region][j])))
        if inside:
            best = max(inside, key=lambda at: image[at])  # the first of equals
            largest[region, c, i, j], place[region, c, i, j] = (
                image[best],
                best[0] * x.shape[3] + best[1],
            )
    return largest, place


def lrn(x, size, alpha, beta, k):
    """x (N, C, ...) over `size` neighbouring channels -> (y, scale)."""
    scale = np.zeros(x.shape)
    for n, c, *at in np.ndindex(x.shape):
        near = range(max(c - size // 2, 0), min(c + size // 2 + 1, x.shape[1]))
        scale[(n, c, *at)] = k + alpha / size * sum(x[(n, j, *at)] ** 2 for j in near)
    return x * scale**-beta, scale


def softmax(x):
    """x (outer, classes, inner)."""
    y = np.zeros(x.shape)
    for i, j in product(range(x.shape[0]), range(x.shape[2])):
        e = [np.exp(score - max(x[i, :, j])) for score in x[i, :, j]]
        y[i, :, j] = [number / sum(e) for number in e]
    return y


def gemm(a, b):
    return np.array(
        [
            [sum(a[i, k] * b[k, j] for k in range(a.shape[1])) for j in range(b.shape[1])]
            for i in range(a.shape[0])
        ]
    ).reshape(a.shape[0], b.shape[1])
