"""Image files to pixels: uint8 arrays (C, H, W), channels in the order blue, green, red.

Decoding, gray levels and resizing match OpenCV, which Caffe uses.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import DataError

if TYPE_CHECKING:
    from PIL import Image

# Suffixes of image files in a folder.
SUFFIXES = (
    '.bmp',
    '.gif',
    '.jp2',
    '.jpeg',
    '.jpg',
    '.pbm',
    '.pgm',
    '.png',
    '.ppm',
    '.tif',
    '.tiff',
    '.webp',
)
ORIENTATION = 0x0112  # the number of its EXIF tag
# Of each orientation: whether rows and columns are swapped, then the direction of both.
TURNS = {
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, 1, -1),
    7: (True, -1, -1),
    8: (True, -1, 1),
}
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, struct.error)


class Luminance(NamedTuple):
    """Weights of blue, green and red in 1/2^bits, and the term added before the bits are cut."""

    weights: np.ndarray
    rounding: int
    bits: int


# OpenCV rounds to the nearest level; libpng (for .png files) rounds down.
OPENCV = Luminance(np.array([1868, 9617, 4899], np.int32), 1 << 13, 14)
LIBPNG = Luminance(np.array([3737, 19234, 9797], np.int32), 0, 15)


class ImageError(DataError):
    """One image is unreadable or too small; others from the same source may be fine."""

    def __init__(self, name: str, reason: str):
        super().__init__(f'{name}: {reason}')
        self.name = name
        self.reason = reason


def decode_image(
    source: str | Path | bytes, color: bool | None = True, name: str = ''
) -> np.ndarray:
    """Pixels uint8 (C, H, W) of an image file, or of its bytes (called `name` in errors).

    color: True gives 3 channels, False 1, None as stored (1, 3, or 4 with alpha), like OpenCV's
    IMREAD_COLOR, IMREAD_GRAYSCALE and IMREAD_UNCHANGED. Alpha is dropped, not blended. Of 16 bits,
    the upper 8 are kept. An EXIF orientation is applied, but not for None. Raises ImageError.
    """
    with opened_image(source, name) as image:
        return pixels_of(image, color)


@contextmanager
def opened_image(source: str | Path | bytes, name: str = '') -> Iterator[Image.Image]:
    """An image file, or its bytes (called `name` in errors). Raises ImageError if reading fails."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(source, bytes):
        name = name or 'image'
        file: io.BytesIO | str | Path = io.BytesIO(source)
    else:
        name = name or str(source)
        file = source
    try:
        with Image.open(file) as image:
            yield image
    except FileNotFoundError as error:
        raise ImageError(name, 'no such file') from error
    except (*UNREADABLE, Image.DecompressionBombError) as error:
        reason = 'unknown format' if isinstance(error, UnidentifiedImageError) else error
        raise ImageError(name, f'cannot be read as an image ({reason})') from error


def pixels_of(image: Image.Image, color: bool | None) -> np.ndarray:
    """The pixels of an opened image, as `decode_image` gives them."""
    pixels = _stored_pixels(image, color)
    return pixels if color is None else upright(pixels, _orientation(image))


def _stored_pixels(image: Image.Image, color: bool | None) -> np.ndarray:
    if color is False and image.format == 'JPEG':
        image.draft('L', None)  # libjpeg's own luminance, as in OpenCV
    load_pixels(image)
    is_transparent = 'A' in image.getbands() or 'transparency' in image.info
    if color is None and is_transparent:
        return _with_alpha(image)
    gray = _stored_gray(image)
    if gray is not None:
        return np.repeat(gray, 3, axis=0) if color else gray
    planes = _blue_green_red(image)
    if color is False:
        return to_gray(planes, LIBPNG if image.format == 'PNG' else OPENCV)
    return planes


def load_pixels(image: Image.Image) -> None:
    """Read the pixels. Whatever Pillow raises for a damaged file becomes an OSError."""
    try:
        image.load()
    except UNREADABLE:
        raise
    except MemoryError as error:
        raise OSError(f'its {image.width} x {image.height} pixels do not fit in memory') from error
    except (TypeError, KeyError, IndexError, ArithmeticError, AttributeError) as error:
        raise OSError(f'damaged: {error}') from error


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1, upright, without one."""
    with suppress(*UNREADABLE, KeyError, TypeError):  # as in OpenCV, damage is passed over
        return image.getexif().get(ORIENTATION, 1)
    return 1


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """The pixels (C, H, W), turned or mirrored as an EXIF orientation (1 to 8) says."""
    if orientation not in TURNS:
        return pixels
    swapped, down, right = TURNS[orientation]
    turned = pixels.swapaxes(1, 2) if swapped else pixels
    return np.ascontiguousarray(turned[:, ::down, ::right])


def _with_alpha(image: Image.Image) -> np.ndarray:
    """Blue, green, red and alpha (4, H, W)."""
    pixels = np.asarray(image.convert('RGBA'))
    planes = pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(planes[[2, 1, 0, 3]])


def _stored_gray(image: Image.Image) -> np.ndarray | None:
    """The levels (1, H, W) of a gray image; None for a color image."""
    if image.mode.startswith('I'):
        upper_bits = np.asarray(image) >> 8
        return upper_bits.astype(np.uint8)[None]
    if image.mode in ('1', 'L', 'LA'):
        return np.array(image.convert('L'))[None]
    return None


def _blue_green_red(image: Image.Image) -> np.ndarray:
    """(3, H, W)"""
    if image.mode == 'CMYK':
        planes = np.asarray(image).transpose(2, 0, 1)
        inks = 255 - planes.astype(np.int32)
        black = inks[3]
        red_green_blue = black - ((255 - inks[:3]) * black >> 8)
        return np.ascontiguousarray(red_green_blue[::-1], np.uint8)
    if image.mode == 'P':
        image = image.convert('RGBA')
    if image.mode != 'RGB':
        image = image.convert('RGB')
    # Twice as fast as transposing one array.
    bands = [np.asarray(band) for band in image.split()]
    return np.stack(bands[::-1])


def to_gray(pixels: np.ndarray, luminance: Luminance = OPENCV) -> np.ndarray:
    """Levels (1, H, W) of blue, green, red (3, H, W), in OpenCV's fixed point; of 8 or 16 bits."""
    weights, rounding, bits = luminance
    sums = np.tensordot(weights, pixels.astype(np.int32), axes=1)
    levels = (sums + rounding) >> bits
    return levels.astype(pixels.dtype)[None]


def to_channels(pixels: np.ndarray, channels: int, name: str = 'image') -> np.ndarray:
    """Repeat gray to 3 channels, or reduce color to 1. Raises DataError for any other change."""
    if len(pixels) == channels:
        return pixels
    if len(pixels) == 1 and channels == 3:
        return np.repeat(pixels, 3, axis=0)
    if len(pixels) == 3 and channels == 1:
        return to_gray(pixels)
    raise DataError(
        f'{name} has {len(pixels)} channels, the net needs {channels}: '
        f'give an .npy file of shape (N, {channels}, H, W)'
    )


def resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear uint8 or uint16 (..., height, width), as OpenCV's INTER_LINEAR: half-pixel centers,
    no antialias.

    For uint8 in OpenCV's fixed point: weights of 11 bits; sums along rows are cut to 16 bits before
    those along columns.
    """
    if pixels.shape[-2:] == (height, width):
        return pixels
    if pixels.dtype != np.uint8:
        return _resize_floats(pixels, height, width)
    *_, h, w = pixels.shape
    left, right, weights = _neighbors(w, width)
    rows = pixels.take(left, -1) * weights[0]
    rows += pixels.take(right, -1) * weights[1]
    rows >>= 4
    upper, lower, weights = _neighbors(h, height)
    levels = rows.take(upper, -2)
    levels *= weights[0][:, None]
    levels >>= 16
    below = rows.take(lower, -2)
    below *= weights[1][:, None]
    below >>= 16
    levels += below
    levels += 2
    levels >>= 2
    return levels.astype(np.uint8)


def _resize_floats(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The same with float32 weights, rounded to the dtype of the pixels."""
    levels = _interpolated(pixels.astype(np.float32), -1, width)
    levels = _interpolated(levels, -2, height)
    return np.rint(levels).astype(pixels.dtype)


def _interpolated(levels: np.ndarray, axis: int, size: int) -> np.ndarray:
    first, second, weights = _neighbors(levels.shape[axis], size)
    parts = (weights / np.float32(2048)).reshape(2, *([-1, 1] if axis == -2 else [-1]))
    return levels.take(first, axis) * parts[0] + levels.take(second, axis) * parts[1]


def resize_nearest(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """(..., height, width), as OpenCV's INTER_NEAREST: each pixel comes from the scaled position of
    its corner, rounded down."""
    rows = _nearest(pixels.shape[-2], height)
    columns = _nearest(pixels.shape[-1], width)
    return pixels[..., rows[:, None], columns]


def _nearest(size: int, target: int) -> np.ndarray:
    """The source index of each target pixel."""
    position = np.arange(target) * (size / target)
    return position.astype(np.intp).clip(max=size - 1)


def _neighbors(size: int, target: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two source indices of each target pixel, and their weights (2, target) in 1/2048."""
    centers = np.arange(target) + 0.5
    position = (centers * (size / target) - 0.5).astype(np.float32)
    before = np.floor(position)
    part = position - before
    weights = np.stack([1 - part, part]) * 2048
    index = before.astype(np.intp)
    first = index.clip(0, size - 1)
    second = (index + 1).clip(0, size - 1)
    return first, second, np.rint(weights).astype(np.int32)


def center_crop(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle (..., height, width), at Caffe's offset (size - crop) // 2."""
    top = (array.shape[-2] - height) // 2
    left = (array.shape[-1] - width) // 2
    rows = array[..., top : top + height, :]
    return rows[..., left : left + width]


def cover(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resized, keeping the aspect ratio, to just cover height x width, then center-cropped."""
    h, w = pixels.shape[-2:]
    factor = max(height / h, width / w)
    tall = max(height, round(h * factor))
    wide = max(width, round(w * factor))
    return center_crop(resize(pixels, tall, wide), height, width)
