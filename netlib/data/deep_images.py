"""Images of 16 bits a channel, read whole. Caffe, and OpenCV by default, keep the upper 8 bits.

Pillow reads 16 bits of gray, but of color only 8: the upper ones, or the lower ones if it is told
the other order of bytes. So color is read twice. Where that is impossible (compressed TIFF, PPM),
8 bits remain.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .images import ImageError, load_pixels, opened_image, pixels_of, to_gray

if TYPE_CHECKING:
    from PIL import Image

OTHER_ORDER = {
    'RGB;16B': 'RGB;16L',
    'RGB;16L': 'RGB;16B',
    'RGBA;16B': 'RGBA;16L',
    'RGBA;16L': 'RGBA;16B',
}


def decode_whole(source: str | Path, color: bool) -> np.ndarray:
    """Pixels (C, H, W) of an image file in blue, green, red, or in gray: uint16 for images of 16
    bits, and otherwise as `decode_image` gives them. Alpha is dropped. Raises ImageError."""
    with opened_image(source) as image:
        if is_deep_gray(image):
            load_pixels(image)
            gray = np.asarray(image).clip(0, 65535).astype(np.uint16)[None]
            return np.repeat(gray, 3, axis=0) if color else gray
        if not is_deep_color(image):
            return pixels_of(image, color)
        load_pixels(image)
        upper = np.asarray(image).astype(np.uint16)
    with opened_image(source) as image:
        image.tile = [_in_other_order(tile) for tile in image.tile]  # type: ignore[attr-defined]
        load_pixels(image)
        levels = upper << 8 | np.asarray(image)
    planes = np.ascontiguousarray(levels[:, :, 2::-1].transpose(2, 0, 1))
    return planes if color else to_gray(planes)


def is_deep_gray(image: Image.Image) -> bool:
    return image.mode.startswith('I')


def is_deep_color(image: Image.Image) -> bool:
    """Whether both bytes of each color can be read."""
    orders = [_order(tile) for tile in getattr(image, 'tile', [])]
    return bool(orders) and all(order in OTHER_ORDER for order in orders)


def _order(tile: Any) -> str:
    """Pillow's name for how the bytes of a part of an image follow each other."""
    return tile.args if isinstance(tile.args, str) else str(tile.args[0])


def _in_other_order(tile: Any) -> Any:
    order = OTHER_ORDER[_order(tile)]
    if isinstance(tile.args, str):
        return tile._replace(args=order)
    return tile._replace(args=(order, *tile.args[1:]))


def warn_of_depth(name: str) -> None:
    """Warn if an image has 16 bits, of which a data layer keeps 8, as Caffe does."""
    try:
        with opened_image(name) as image:
            deep = is_deep_gray(image) or is_deep_color(image)
    except ImageError:
        return
    if deep:
        warnings.warn(
            f'{name}: of its 16 bits a channel, the upper 8 are kept, as in Caffe '
            '(--data, an .npy file or HDF5 keep all)',
            stacklevel=2,
        )
