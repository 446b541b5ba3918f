"""SSD's resize_param: images to other extents, with or without their aspect, as OpenCV does it."""

from collections.abc import Callable
from math import floor

import numpy as np

from ...proto.caffe_pb2 import ResizeParameter
from ..errors import DataError
from ..shapes import dimensions
from .images import resize, resize_nearest

DRAWS = 2  # random numbers: whether to resize, and how to interpolate
PADDING = {
    ResizeParameter.CONSTANT: 'constant',
    ResizeParameter.MIRRORED: 'reflect',
    ResizeParameter.REPEAT_NEAREST: 'edge',
}


def resized(pixels: np.ndarray, param: ResizeParameter, draws: np.ndarray, name: str) -> np.ndarray:
    """The pixels (C, H, W) as the policy says: with probability `prob` by one of interp_mode.

    WARP: to height x width. FIT_SMALL_SIZE: until both are reached, so that one side is longer.
    FIT_LARGE_SIZE_AND_PAD: until one is reached; the image is padded along the other. `draws` are
    DRAWS numbers in [0, 1). Raises DataError.
    """
    if not param.height or not param.width:
        raise DataError(
            f'resize_param: found height {param.height} and width {param.width}, needed: both'
        )
    if draws[0] >= param.prob:
        return pixels
    modes = list(param.interp_mode) or [ResizeParameter.LINEAR]
    interpolate = INTERPOLATIONS[modes[int(draws[1] * len(modes))]]
    if param.resize_mode == ResizeParameter.WARP:
        return interpolate(pixels, param.height, param.width)
    out = interpolate(pixels, *fitted(pixels.shape[1], pixels.shape[2], param))
    if param.resize_mode == ResizeParameter.FIT_SMALL_SIZE:
        return out
    return padded(out, param, name)


def fitted(height: int, width: int, param: ResizeParameter) -> tuple[int, int]:
    """The extents of an image that keeps its aspect."""
    aspect = width / height
    is_tall = aspect < param.width / param.height
    small = param.resize_mode == ResizeParameter.FIT_SMALL_SIZE
    if is_tall == small:
        return max(floor(param.width / aspect), 1), param.width
    return param.height, max(floor(aspect * param.height), 1)


def padded(pixels: np.ndarray, param: ResizeParameter, name: str) -> np.ndarray:
    """The pixels in the middle of height x width, with pad_mode and pad_value around them."""
    edges = [(0, 0)]
    for extent, wanted in zip(pixels.shape[1:], (param.height, param.width), strict=True):
        before = (wanted - extent) // 2
        edges.append((before, wanted - extent - before))
    mode = PADDING[param.pad_mode]
    if mode != 'constant':
        return np.pad(pixels, edges, mode)  # type: ignore[call-overload]  # the mode is a name
    values = list(param.pad_value) or [0]
    if len(values) not in (1, len(pixels)):
        raise DataError(
            f'{name}: pad_value: found {len(values)} for an image of {dimensions(pixels.shape)}, '
            'needed: 1, or one for each channel'
        )
    out = np.pad(pixels, edges)
    inside = np.pad(np.ones(pixels.shape[1:], bool), edges[1:])
    for channel, value in zip(out, values * (len(pixels) // len(values)), strict=True):
        channel[~inside] = value
    return out


# -- interpolations that images.py lacks: each output is a weighted sum of inputs along both axes


def by_weights(weigh: Callable[[int, int], np.ndarray]) -> Callable[..., np.ndarray]:
    """The interpolation whose weights (target, size) along an axis `weigh` gives."""

    def interpolate(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
        rows, columns = weigh(pixels.shape[1], height), weigh(pixels.shape[2], width)
        values = rows @ pixels.astype(np.float32) @ columns.T
        if pixels.dtype != np.uint8:
            return values
        return np.clip(np.rint(values), 0, 255).astype(np.uint8)

    return interpolate


def by_kernel(kernel: Callable[[np.ndarray], np.ndarray], reach: int) -> Callable[..., np.ndarray]:
    """Weights of the 2 `reach` nearest inputs by their distance; beyond the edge it repeats."""

    def weigh(size: int, target: int) -> np.ndarray:
        center = (np.arange(target) + 0.5) * (size / target) - 0.5
        first = np.floor(center).astype(int)
        weights = np.zeros((target, size), np.float32)
        taps = np.stack([kernel(center - (first + k)) for k in range(1 - reach, reach + 1)])
        taps /= taps.sum(0)
        for k, tap in zip(range(1 - reach, reach + 1), taps, strict=True):
            place = np.clip(first + k, 0, size - 1)
            np.add.at(weights, (np.arange(target), place), tap)
        return weights

    return weigh


def cubic(distance: np.ndarray) -> np.ndarray:
    """Keys 1981 with OpenCV's a = -0.75."""
    d, a = np.abs(distance), -0.75
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = a * (((d - 5) * d + 8) * d - 4)
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def lanczos4(distance: np.ndarray) -> np.ndarray:
    """sinc(d) sinc(d / 4)."""
    d = np.asarray(distance)
    return np.where(np.abs(d) < 4, np.sinc(d) * np.sinc(d / 4), 0)


def area(size: int, target: int) -> np.ndarray:
    """The part of each input that the target covers."""
    edges = np.arange(target + 1) * (size / target)
    inputs = np.arange(size)
    upper = np.minimum(edges[1:, None], inputs + 1)
    lower = np.maximum(edges[:-1, None], inputs)
    return (np.maximum(upper - lower, 0) * (target / size)).astype(np.float32)


def area_growing(size: int, target: int) -> np.ndarray:
    """OpenCV's weights of two neighbors where the target is larger along some axis."""
    place = np.arange(target)
    first = np.floor(place * (size / target)).astype(int)
    part = place + 1 - (first + 1) * (target / size)
    part = np.where(part <= 0, 0, part - np.floor(part))
    weights = np.zeros((target, size), np.float32)
    weights[place, first] = 1 - part
    np.add.at(weights, (place, np.minimum(first + 1, size - 1)), part)
    return weights


def by_area(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The mean over the area of each pixel; where the image grows by OpenCV's own rule."""
    grows = height > pixels.shape[1] or width > pixels.shape[2]
    weigh = area_growing if grows else area
    return by_weights(weigh)(pixels, height, width)


def triangle(distance: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(distance), 0)


def linear(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return resize(pixels, height, width)
    return by_weights(by_kernel(triangle, 1))(pixels, height, width)


INTERPOLATIONS: dict[int, Callable[..., np.ndarray]] = {
    ResizeParameter.LINEAR: linear,
    ResizeParameter.AREA: by_area,
    ResizeParameter.NEAREST: resize_nearest,
    ResizeParameter.CUBIC: by_weights(by_kernel(cubic, 2)),
    ResizeParameter.LANCZOS4: by_weights(by_kernel(lanczos4, 4)),
}
