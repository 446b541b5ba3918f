"""R-CNN's window files: boxes in images, each with a label and its overlap with an object."""

from array import array
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..errors import DataError


class Window(NamedTuple):
    """A box, corners included, in the image with this index; `line` is its line in the file."""

    image: int
    label: int
    x1: int
    y1: int
    x2: int
    y2: int
    line: int


class Tokens:
    """The words of a text file, one by one, each converted to its type."""

    def __init__(self, path: str):
        self.path = path
        self.line = 0
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

    def take(self, kind: Callable[[str], Any], what: str) -> Any:
        """The next word as a `kind`. Raises DataError."""
        word = next(self._words, None)
        if word is None:
            raise DataError(f'window file {self.path}: ends where {what} is needed')
        try:
            return kind(word)
        except (ValueError, OverflowError):
            raise self.error(f"found '{word}', needed: {what}") from None

    def error(self, message: str) -> DataError:
        """A DataError about the line of the last word."""
        return DataError(f'window file {self.path}:{self.line}: {message}')


class WindowFile:
    """The contents of a window file: `images` (paths), and windows of objects and of background,
    int32 (n, 7).

    For each image, the file has # and its number, its path (after `root`), channels, height, width,
    and the number of windows; for each window, the label, its overlap with an object, and x1 y1 x2
    y2, separated by any white space. A window is an object if the overlap is at least fg_threshold,
    and background if below bg_threshold. Raises DataError with the line.
    """

    def __init__(self, source: str, root: str, fg_threshold: float, bg_threshold: float):
        self.images: list[str] = []
        objects = array('i')
        background = array('i')
        tokens = Tokens(source)
        for mark in tokens:
            for overlap, window in self._image(mark, tokens, root):
                if overlap >= np.float32(fg_threshold):
                    _check_label(window.label, overlap, tokens)
                    objects.extend(window)
                elif overlap < np.float32(bg_threshold):
                    background.extend(window._replace(label=0))
        if not self.images:
            raise DataError(f'window file {source}: Window file is empty')
        self.objects = _rows(objects)
        self.background = _rows(background)

    def _image(self, mark: str, tokens: Tokens, root: str) -> Iterator[tuple[np.float32, Window]]:
        """Read one image; returns the overlaps of its windows, and the windows."""
        if mark != '#':
            raise tokens.error(f"found '{mark}', needed: # and the number of the next image")
        tokens.take(np.int32, 'the number of the image')
        self.images.append(root + tokens.take(str, 'the path of the image'))
        channels = tokens.take(np.int32, 'channels of the image')
        tokens.take(np.int32, 'height of the image')
        tokens.take(np.int32, 'width of the image')
        count = tokens.take(np.int32, 'the number of windows of the image')
        if channels != 3:
            raise tokens.error(
                f'found {channels} channels, needed: 3, since images are read in color'
            )
        for _ in range(count):
            yield _window(len(self.images) - 1, tokens)


def _window(image: int, tokens: Tokens) -> tuple[np.float32, Window]:
    """The overlap of a window, and the window."""
    label = tokens.take(np.int32, 'the label of a window')
    overlap = tokens.take(np.float32, 'the overlap of a window')
    x1 = tokens.take(np.int32, 'x1 of a window')
    y1 = tokens.take(np.int32, 'y1 of a window')
    x2 = tokens.take(np.int32, 'x2 of a window')
    y2 = tokens.take(np.int32, 'y2 of a window')
    return overlap, Window(image, label, x1, y1, x2, y2, tokens.line)


def _check_label(label: int, overlap: np.float32, tokens: Tokens) -> None:
    if label < 1:
        raise tokens.error(f'found label {label}, needed: above 0, for overlap {overlap:g}')


def _rows(numbers: array) -> np.ndarray:
    columns = len(Window._fields)
    return np.array(numbers).reshape(-1, columns)
