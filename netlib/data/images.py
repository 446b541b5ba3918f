"""Image files to pixels: uint8 arrays (C, H, W), channels in the order blue, green, red.

Decoding, grey levels and resizing give what OpenCV gives, since Caffe's numbers are OpenCV's.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import DataError

if TYPE_CHECKING:
    from PIL import Image

# Blue, green, red in 1/2^bits: OpenCV rounds to the nearest level, libpng (for .png files) down.
GREY = (np.array([1868, 9617, 4899], np.int32), 1 << 13, 14)
GREY_PNG = (np.array([3737, 19234, 9797], np.int32), 0, 15)
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
UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, struct.error)


class ImageError(DataError):
    """One image is unreadable or too small; others of the same source may be fine."""

    def __init__(self, name: str, reason: str):
        super().__init__(f'{name}: {reason}')
        self.name, self.reason = name, reason


def decode_image(
    source: str | Path | bytes, color: bool | None = True, name: str = ''
) -> np.ndarray:
    """Pixels uint8 (C, H, W) of an image file, or of its bytes (then called `name` in errors).

    color True gives 3 channels, False 1, None what is stored (1, 3, or 4 with alpha): OpenCV's
    IMREAD_COLOR, IMREAD_GRAYSCALE and IMREAD_UNCHANGED. Alpha is dropped, not blended; 16 bits keep
    the upper 8; an EXIF orientation is not applied. Raises ImageError.
    """
    from PIL import Image, UnidentifiedImageError

    name = name or ('image' if isinstance(source, bytes) else str(source))
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            return _pixels(image, color)
    except FileNotFoundError as error:
        raise ImageError(name, 'no such file') from error
    except (*UNREADABLE, Image.DecompressionBombError) as error:
        reason = 'its format is unknown' if isinstance(error, UnidentifiedImageError) else error
        raise ImageError(name, f'cannot be read as an image ({reason})') from error


def _pixels(image: Image.Image, color: bool | None) -> np.ndarray:
    if color is False and image.format == 'JPEG':
        image.draft('L', None)  # libjpeg's own luminance, as OpenCV asks for it
    transparent = 'A' in image.getbands() or 'transparency' in image.info
    if color is None and transparent:
        return np.ascontiguousarray(
            np.asarray(image.convert('RGBA')).transpose(2, 0, 1)[[2, 1, 0, 3]]
        )
    if image.mode.startswith('I'):
        grey = (np.asarray(image) >> 8).astype(np.uint8)[None]
    elif image.mode in ('1', 'L', 'LA'):
        grey = np.array(image.convert('L'))[None]
    else:
        planes = _blue_green_red(image)
        return (
            to_grey(planes, *(GREY_PNG if image.format == 'PNG' else GREY))
            if color is False
            else planes
        )
    return np.repeat(grey, 3, axis=0) if color else grey


def _blue_green_red(image: Image.Image) -> np.ndarray:
    if image.mode == 'CMYK':
        inks = 255 - np.asarray(image).transpose(2, 0, 1).astype(np.int32)
        return np.ascontiguousarray((inks[3] - ((255 - inks[:3]) * inks[3] >> 8))[::-1], np.uint8)
    if image.mode != 'RGB':
        image = (image.convert('RGBA') if image.mode == 'P' else image).convert('RGB')
    return np.stack(
        [np.asarray(band) for band in reversed(image.split())]
    )  # twice as fast as one array transposed


def to_grey(
    pixels: np.ndarray, weights: np.ndarray = GREY[0], rounding: int = GREY[1], bits: int = GREY[2]
) -> np.ndarray:
    """Luminance (1, H, W) of blue, green, red (3, H, W), in OpenCV's fixed point."""
    grey = np.tensordot(weights, pixels.astype(np.int32), axes=1)
    return ((grey + rounding) >> bits).astype(np.uint8)[None]


def to_channels(pixels: np.ndarray, channels: int, name: str = 'image') -> np.ndarray:
    """Grey repeated to 3 channels, or colour reduced to 1; any other change is a DataError."""
    if len(pixels) == channels:
        return pixels
    if len(pixels) == 1 and channels == 3:
        return np.repeat(pixels, 3, axis=0)
    if len(pixels) == 3 and channels == 1:
        return to_grey(pixels)
    raise DataError(
        f'{name} has {len(pixels)} channels, the net needs {channels}: '
        f'give an .npy file of shape (N, {channels}, H, W)'
    )


def resize(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear uint8 (..., height, width), as OpenCV's INTER_LINEAR: half-pixel centres, no
    antialias.

    OpenCV's fixed point: weights of 11 bits, the rows' sums cut to 16 bits before the columns'.
    """
    if pixels.shape[-2:] == (height, width):
        return pixels
    left, right, weights = _neighbours(pixels.shape[-1], width)
    rows = pixels.take(left, -1) * weights[0]
    rows += pixels.take(right, -1) * weights[1]
    rows >>= 4
    upper, lower, weights = _neighbours(pixels.shape[-2], height)
    levels, below = (rows.take(index, -2) for index in (upper, lower))
    for part, weight in ((levels, weights[0]), (below, weights[1])):
        part *= weight[:, None]
        part >>= 16
    levels += below
    levels += 2
    levels >>= 2
    return levels.astype(np.uint8)


def resize_nearest(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """(..., height, width), as OpenCV's INTER_NEAREST: each pixel the one at its corner's place,
    rounded down."""
    rows, columns = (
        (np.arange(target) * (size / target)).astype(np.intp).clip(max=size - 1)
        for size, target in zip(pixels.shape[-2:], (height, width), strict=True)
    )
    return pixels[..., rows[:, None], columns]


def _neighbours(size: int, target: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two source indices of each target pixel, and their weights (2, target) in 1/2048."""
    position = ((np.arange(target) + 0.5) * (size / target) - 0.5).astype(np.float32)
    before = np.floor(position)
    part = position - before
    weights = np.rint(np.stack([1 - part, part]) * 2048).astype(np.int32)
    index = before.astype(np.intp)
    return index.clip(0, size - 1), (index + 1).clip(0, size - 1), weights


def centre_crop(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """The middle (..., height, width), at Caffe's offset (size - crop) // 2."""
    top, left = (array.shape[-2] - height) // 2, (array.shape[-1] - width) // 2
    return array[..., top : top + height, left : left + width]


def cover(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resized, keeping the aspect, until it just covers height x width, then the centre crop."""
    h, w = pixels.shape[-2:]
    factor = max(height / h, width / w)
    tall, wide = max(height, round(h * factor)), max(width, round(w * factor))
    return centre_crop(resize(pixels, tall, wide), height, width)
