"""SSD's noise_param: images blurred, compressed, inverted and more, one step after the other."""

import io
from collections.abc import Callable

import numpy as np

from ...proto.caffe_pb2 import NoiseParameter
from ..errors import DataError, import_extra
from ..rng import Rng
from .colors import to_hsv
from .images import decode_image, to_gray

LEVELS = 64  # of posterize
CLIP_LIMIT = 4.0  # of clahe
# SSD reads no chance, its data layers refuse the floats of Lab, and it has no conversion to YCrCb.
UNUSED = ('prob', 'convert_to_lab', 'convert_to_ycrcb')


def noised(pixels: np.ndarray, p: NoiseParameter, rng: Rng, name: str) -> np.ndarray:
    """The pixels (C, H, W), uint8, after each step that `p` asks for, in SSD's order. Raises
    DataError."""
    if pixels.dtype != np.uint8 or len(pixels) not in (1, 3):
        raise DataError(f'{name}: noise_param needs images of one or three channels of bytes')
    steps: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        'decolorize': decolorized,
        'gauss_blur': blurred,
        'hist_eq': equalized,
        'clahe': equalized_in_tiles,
        'jpeg': lambda x: compressed(x, p.jpeg),
        'erode': eroded,
        'posterize': lambda x: x // LEVELS * LEVELS + LEVELS // 2,
        'inverse': lambda x: ~x,
        'saltpepper': lambda x: sprinkled(x, p, rng, name),
        'convert_to_hsv': lambda x: hsv(x, name),
    }
    for field, step in steps.items():
        if getattr(p, field) > 0:
            pixels = step(pixels)
    return pixels


def decolorized(pixels: np.ndarray) -> np.ndarray:
    if len(pixels) == 1:
        return pixels
    return np.repeat(to_gray(pixels), 3, axis=0)


def blurred(pixels: np.ndarray) -> np.ndarray:
    """7 x 7 weights exp(-d^2 / (2 1.5^2)), mirrored at the edges."""
    place = np.arange(-3, 4)
    weights = np.exp(-(place**2) / (2 * 1.5**2))
    weights /= weights.sum()
    x = pixels.astype(float)
    for axis in (1, 2):
        edges = [(0, 0)] * 3
        edges[axis] = (3, 3)
        wide = np.pad(x, edges, 'reflect')
        windows = np.lib.stride_tricks.sliding_window_view(wide, 7, axis)
        x = windows @ weights
    return np.rint(x).astype(np.uint8)


def equalized(pixels: np.ndarray) -> np.ndarray:
    """The histogram of the levels made even."""
    return with_levels(pixels, spread_levels)


def equalized_in_tiles(pixels: np.ndarray) -> np.ndarray:
    """The same in each of 8 x 8 tiles, as far as the contrast stays limited (OpenCV's CLAHE)."""
    return with_levels(pixels, import_extra('cv2', 'regions').createCLAHE(CLIP_LIMIT).apply)


def with_levels(pixels: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The pixels with other levels; of a color image, with another luma (Y of YCrCb)."""
    if len(pixels) == 1:
        return change(pixels[0])[None]
    blue, _, red = pixels.astype(float)
    luma = to_gray(pixels)[0]
    new_luma = change(luma).astype(float)
    red_part = np.rint((red - luma) * 0.713)
    blue_part = np.rint((blue - luma) * 0.564)
    green_part = -0.714 * red_part - 0.344 * blue_part
    planes = [1.773 * blue_part, green_part, 1.403 * red_part]
    out = np.stack(planes) + new_luma
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def spread_levels(levels: np.ndarray) -> np.ndarray:
    """OpenCV's equalizeHist: the least level becomes 0, the others follow their counts."""
    counts = np.bincount(levels.reshape(-1), minlength=256)
    first = int(np.flatnonzero(counts)[0])
    rest = levels.size - counts[first]
    if not rest:
        return levels
    below = np.cumsum(counts) - counts[first]
    table = np.rint(below * (255 / rest))
    return np.clip(table, 0, 255).astype(np.uint8)[levels]


def compressed(pixels: np.ndarray, quality: float) -> np.ndarray:
    """As a JPEG file of that quality gives it back, with three channels."""
    from PIL import Image

    planes = np.repeat(pixels, 3 // len(pixels), axis=0)[::-1]
    file = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(planes.transpose(1, 2, 0)))
    image.save(file, 'JPEG', quality=min(int(quality), 100))
    return decode_image(file.getvalue())


def eroded(pixels: np.ndarray) -> np.ndarray:
    """The least of each pixel and its four neighbors."""
    wide = np.pad(pixels, [(0, 0), (1, 1), (1, 1)], constant_values=255)
    neighbors = [wide[:, :-2, 1:-1], wide[:, 2:, 1:-1], wide[:, 1:-1, :-2], wide[:, 1:-1, 2:]]
    return np.minimum.reduce([pixels, *neighbors])


def sprinkled(pixels: np.ndarray, p: NoiseParameter, rng: Rng, name: str) -> np.ndarray:
    """Random pixels, `fraction` of all (some twice), set to saltpepper_param's value."""
    param = p.saltpepper_param
    values = list(param.value)
    if len(values) not in (1, len(pixels)):
        raise DataError(
            f'{name}: saltpepper_param: value: found {len(values)} for an image of {len(pixels)} '
            'channels, needed: 1, or one for each channel'
        )
    _, height, width = pixels.shape
    count = int(np.float32(param.fraction) * height * width)
    rows, columns = rng.integers(height, size=count), rng.integers(width, size=count)
    out = pixels.copy()
    out[:, rows, columns] = np.array(values).astype(np.uint8)[:, None]
    return out


def hsv(pixels: np.ndarray, name: str) -> np.ndarray:
    if len(pixels) != 3:
        raise DataError(f'{name}: noise_param: convert_to_hsv needs three channels')
    return to_hsv(pixels)
