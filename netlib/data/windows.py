"""R-CNN's window files: boxes in images, cut out with their surroundings and warped to a square."""

import math
from array import array
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import DataError
from .images import ImageError, decode_image, resize
from .readers import Image
from .transform import Patch, Transformer, dimensions


class Window(NamedTuple):
    """A box, corners included, of the image with this number; `line` is where the file says so."""

    image: int
    label: int
    x1: int
    y1: int
    x2: int
    y2: int
    line: int


class Tokens:
    """The words of a text file, one after the other, each as what it should be."""

    def __init__(self, path: str):
        self.path, self.line = path, 0
        self._words = self._read()

    def _read(self) -> Iterator[str]:
        try:
            with open(self.path, encoding='utf-8') as file:
                for self.line, text in enumerate(file, 1):
                    yield from text.split()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f'Failed to open window file {self.path} ({error})') from error

    def __iter__(self) -> Iterator[str]:
        return self._words

    def take(self, kind: Callable, what: str):
        """The next word as a `kind`. Raises DataError."""
        word = next(self._words, None)
        if word is None:
            raise DataError(f'window file {self.path}: ends where {what} is needed')
        try:
            return kind(word)
        except (ValueError, OverflowError):
            raise self.error(f"found '{word}', needed: {what}") from None

    def error(self, message: str) -> DataError:
        return DataError(f'window file {self.path}:{self.line}: {message}')


class WindowFile:
    """What a window file holds: `images` (paths), and the windows of objects and of background,
    int32 (n, 7).

    For each image: # and its number, its path (after `root`), channels, height, width, the number
    of windows, and for each of these the label, its overlap with an object, x1 y1 x2 y2; with any
    white space between. A window is an object where the overlap is at least fg_threshold,
    background below bg_threshold. Raises DataError with the line.
    """

    def __init__(self, source: str, root: str, fg_threshold: float, bg_threshold: float):
        self.images: list[str] = []
        objects, background = array('i'), array('i')
        tokens = Tokens(source)
        for mark in tokens:
            for overlap, window in self._image(mark, tokens, root):
                if overlap >= np.float32(fg_threshold):
                    if window.label < 1:
                        raise tokens.error(
                            f'found label {window.label}, needed: above 0, for overlap {overlap:g}'
                        )
                    objects.extend(window)
                elif overlap < np.float32(bg_threshold):
                    background.extend(window._replace(label=0))
        if not self.images:
            raise DataError(f'window file {source}: Window file is empty')
        self.objects, self.background = (
            np.array(rows).reshape(-1, len(Window._fields)) for rows in (objects, background)
        )

    def _image(self, mark: str, tokens: Tokens, root: str) -> Iterator[tuple[np.float32, Window]]:
        """One image; the overlaps of its windows, and the windows."""
        if mark != '#':
            raise tokens.error(f"found '{mark}', needed: # and the number of the next image")
        tokens.take(np.int32, 'the number of the image')
        self.images.append(root + tokens.take(str, 'the path of the image'))
        channels, _, _, count = (
            tokens.take(np.int32, f'{what} of the image')
            for what in ('channels', 'height', 'width', 'the number of windows')
        )
        if channels != 3:
            raise tokens.error(
                f'found {channels} channels, needed: 3, since images are read in colour'
            )
        for _ in range(count):
            label = tokens.take(np.int32, 'the label of a window')
            overlap = tokens.take(np.float32, 'the overlap of a window')
            x1, y1, x2, y2 = (
                tokens.take(np.int32, f'{corner} of a window')
                for corner in ('x1', 'y1', 'x2', 'y2')
            )
            yield overlap, Window(len(self.images) - 1, label, x1, y1, x2, y2, tokens.line)


class WindowReader:
    """Windows of a batch after the other, drawn at random: background first, then the share
    fg_fraction of objects.

    Each is cut out with context_pad pixels around it (after the warp; what lies beyond the image is
    0), as a square for crop_mode "square", warped to crop_size x crop_size, perhaps mirrored; then
    (pixel - mean) * scale, with the scale of window_data_param. param is a WindowDataParameter.
    `rng` is drawn from here and nowhere else.
    """

    def __init__(self, param, transform: Transformer, rng: np.random.Generator):
        self.param, self.transform, self.rng = param, transform, rng
        self.file = WindowFile(
            param.source, param.root_folder, param.fg_threshold, param.bg_threshold
        )
        self.item = 0
        self.backgrounds = param.batch_size - int(
            np.float32(param.batch_size) * np.float32(param.fg_fraction)
        )
        if self.backgrounds < param.batch_size and not len(self.file.objects):
            raise DataError(
                f'window file {param.source}: no window overlaps by fg_threshold {param.fg_threshold:g}'
            )
        if self.backgrounds and not len(self.file.background):
            raise DataError(
                f'window file {param.source}: all windows overlap by bg_threshold {param.bg_threshold:g}'
            )
        self.content = cache(_content) if param.cache_images else Path
        self.mean = self._mean(transform.param.crop_size)

    def _mean(self, crop: int) -> np.ndarray:
        """The mean of each pixel of the crop; of a mean file its middle, as far from the top as
        from the left."""
        if self.transform.mean is None:
            mean = self.transform.mean_for((3, crop, crop), 'a window')
            return np.zeros((3, crop, crop), np.float32) if mean is None else mean
        offset = (self.transform.mean.shape[2] - crop) // 2
        mean = self.transform.mean[
            :, max(offset, 0) : offset + crop, max(offset, 0) : offset + crop
        ]
        if mean.shape != (3, crop, crop):
            raise DataError(
                f'mean_file {self.transform.param.mean_file} is {dimensions(self.transform.mean.shape)}, '
                f'needed: 3 x {crop} x {crop} or more'
            )
        return mean

    def __next__(self) -> Callable[[], Image]:
        windows = self.file.background if self.item < self.backgrounds else self.file.objects
        self.item = (self.item + 1) % self.param.batch_size
        which, mirror = self.rng.random(2)
        window = Window(*windows[int(which * len(windows))].tolist())
        return partial(self.image, window, bool(self.transform.param.mirror and mirror < 0.5))

    def image(self, window: Window, mirror: bool) -> Image:
        path, name = self.file.images[window.image], f'{self.param.source}:{window.line}'
        pixels = decode_image(self.content(path), True, path)
        crop = self.transform.param.crop_size
        box, (top, left, height, width) = place(
            window,
            pixels.shape[1:],
            crop,
            self.param.context_pad,
            self.param.crop_mode == 'square',
            mirror,
            name,
        )
        warped = resize(pixels[:, box[1] : box[3] + 1, box[0] : box[2] + 1], height, width)
        values, mean = (np.zeros((3, crop, crop), kind) for kind in (np.uint8, np.float32))
        target = np.s_[:, top : top + height, left : left + width]
        values[target] = warped[:, :, ::-1] if mirror else warped
        mean[target] = self.mean[target]
        return Patch(values, mean, np.float32(self.param.scale)), window.label, name

    def state(self) -> dict:
        return {'rng': self.rng.bit_generator.state, 'item': self.item}

    def restore(self, state: dict) -> None:
        self.rng.bit_generator.state, self.item = state['rng'], state['item']


def place(
    window: Window,
    size: tuple[int, ...],
    crop: int,
    pad: int,
    square: bool,
    mirror: bool,
    name: str,
) -> tuple[tuple[int, int, int, int], tuple[int, int, int, int]]:
    """Which part of an image of `size` (H, W) a window takes (x1, y1, x2, y2; inclusive), and where
    it comes to lie in the crop (top, left, height, width). Raises ImageError where the window is
    not in the image."""
    x, y = (window.x1, window.x2), (window.y1, window.y2)
    if pad or square:
        extents = x[1] - x[0] + 1, y[1] - y[0] + 1
        x, y = (
            _with_context(*span, extents if square else (extent,), crop, pad)
            for span, extent in zip((x, y), extents, strict=True)
        )
    (x1, x2, left, width), (y1, y2, top, height) = (
        _clip(*span, limit, crop, flip)
        for span, limit, flip in ((x, size[1], mirror), (y, size[0], False))
    )
    if x1 > x2 or y1 > y2 or not (pad or square) and (x1, y1, x2, y2) != window[2:6]:
        raise ImageError(
            name,
            f'the window from {window.x1}, {window.y1} to {window.x2}, {window.y2} is not in its '
            f'image of {size[0]} x {size[1]}',
        )
    return (x1, y1, x2, y2), (top, left, height, width)


def _with_context(
    first: int, last: int, extents: tuple[int, ...], crop: int, pad: int
) -> tuple[int, int]:
    """A span widened to the greatest of the extents, and so that it has `pad` on each side when it
    is `crop` long."""
    context = np.float32(crop) / np.float32(crop - 2 * pad)
    centre = np.float32(first + (last - first + 1) / 2)
    reach = np.float32(max(extents) / 2) * context
    return _round(centre - reach), _round(centre + reach)


def _clip(first: int, last: int, limit: int, crop: int, flip: bool) -> tuple[int, int, int, int]:
    """A span cut to 0 .. limit - 1, and the start and length that it has once the whole is warped
    to `crop`."""
    before, after = max(0, -first), max(0, last - limit + 1)
    scale = np.float32(crop) / np.float32(max(last - first + 1, 1))
    start = _round(np.float32(after if flip else before) * scale)
    length = _round(np.float32(last - after - first - before + 1) * scale)
    return first + before, last - after, start, min(length, crop - start)


def _round(value: np.floating) -> int:
    """To the nearest, halves away from zero, as C has it."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ImageError(path, f'cannot be read ({error.strerror})') from error
