"""The part of an image that a window selects, and the place of that part after warping.

Computed in float32 with C's rounding, as in Caffe, since one pixel more or less changes the image.
"""

import math
from typing import NamedTuple

import numpy as np

from ..shapes import Shape
from .images import ImageError
from .window_file import Window


class Warp(NamedTuple):
    """How windows are warped: to `crop` x `crop`, of which `pad` pixels on each side show the
    surroundings. With `square`, the window is first widened to a square."""

    crop: int
    pad: int
    square: bool


class Span(NamedTuple):
    """A place along one axis: the image's pixels from `first` to `last` become `length` pixels of
    the crop, starting at `start`."""

    first: int
    last: int
    start: int
    length: int

    @property
    def in_image(self) -> slice:
        return slice(self.first, self.last + 1)

    @property
    def in_crop(self) -> slice:
        return slice(self.start, self.start + self.length)


def place(window: Window, size: Shape, warp: Warp, mirror: bool, name: str) -> tuple[Span, Span]:
    """The columns and rows of a window in an image of `size` (H, W). With `mirror`, the crop is
    mirrored later. Raises ImageError if the window is not in the image."""
    height, width = size
    x = (window.x1, window.x2)
    y = (window.y1, window.y2)
    if warp.pad or warp.square:
        wide = window.x2 - window.x1 + 1
        tall = window.y2 - window.y1 + 1
        side = max(wide, tall)
        x = _with_context(*x, side if warp.square else wide, warp)
        y = _with_context(*y, side if warp.square else tall, warp)
    columns = _clip(*x, width, warp.crop, mirror)
    rows = _clip(*y, height, warp.crop, False)
    is_empty = columns.first > columns.last or rows.first > rows.last
    is_whole = (columns.first, rows.first, columns.last, rows.last) == window[2:6]
    if is_empty or not (warp.pad or warp.square or is_whole):
        raise ImageError(
            name,
            f'the window from {window.x1}, {window.y1} to {window.x2}, {window.y2} is not in its '
            f'image of {height} x {width}',
        )
    return columns, rows


def _with_context(first: int, last: int, extent: int, warp: Warp) -> tuple[int, int]:
    """A span widened to an extent, then further, to leave `pad` on each side once `crop` long."""
    own = warp.crop - 2 * warp.pad
    context = np.float32(warp.crop) / np.float32(own)
    half = (last - first + 1) / 2
    center = np.float32(first + half)
    reach = np.float32(extent / 2) * context
    return _round(center - reach), _round(center + reach)


def _clip(first: int, last: int, limit: int, crop: int, mirror: bool) -> Span:
    """A span clipped to 0 .. limit - 1, and its place after the whole span is warped to `crop`."""
    before = max(0, -first)
    after = max(0, last - limit + 1)
    extent = last - first + 1
    scale = np.float32(crop) / np.float32(max(extent, 1))
    room = after if mirror else before
    start = _round(np.float32(room) * scale)
    length = _round(np.float32(extent - before - after) * scale)
    length = min(length, crop - start)
    return Span(first + before, last - after, start, length)


def _round(value: np.floating) -> int:
    """The nearest integer; halves round away from zero, as in C."""
    rounded = math.floor(abs(value) + 0.5)
    return int(math.copysign(rounded, value))
