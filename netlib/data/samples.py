"""Samples: items of a store in a seeded random order, fitted to a net's input."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..rng import Rng
from ..shapes import Shape, dimensions
from .array_files import read_mean
from .images import ImageError, center_crop, cover, to_channels
from .in_order import in_order
from .stores import Images, Sample, Store

PIXELS = (np.uint8, np.uint16)
Batch = tuple[np.ndarray, np.ndarray | None]
Mean = str | Path | float | Sequence[float] | None


class Samples:
    """(pixel - mean) * scale of a store's items, float32 of `shape`, each item once, in random
    order.

    shape is the net's input without the batch, such as (C, H, W). Pixels (uint8 or uint16) are
    converted to C channels (gray <-> color), resized to cover H x W while keeping the aspect ratio,
    and center-cropped; `crop` first takes the central crop x crop. Values of another dtype are only
    center-cropped. mean: a number, one per channel, or a mean file. Unreadable images are omitted
    and listed in `skipped`; `deep`: whether one of the last pass had pixels of 16 bits. The order
    is drawn once from `rng`: every pass gives the same samples.
    """

    def __init__(
        self,
        store: Store,
        shape: Shape,
        rng: Rng,
        *,
        mean: Mean = None,
        scale: float = 1.0,
        crop: int | None = None,
    ):
        if not len(store):
            raise DataError(f'{store.describe}: contains no samples')
        self.store = store
        self.shape = tuple(shape)
        store.suit(self.shape)
        self.crop = crop
        self.mean = fit_mean(mean, self.shape)
        self.scale = np.float32(scale)
        self.order = rng.permutation(len(store)).tolist()
        self.skipped: list[tuple[str, str]] = []
        self.deep = False

    @property
    def describe(self) -> str:
        """A short text that says where the samples come from."""
        return self.store.describe

    def __len__(self) -> int:
        """The number of items, unreadable ones included."""
        return len(self.order)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (values for values, _ in self.pairs())

    def pairs(self) -> Iterator[Sample]:
        """One pass of (sample, label or None). Raises DataError if no image is readable."""
        self.skipped = []
        self.deep = False
        each = in_order if isinstance(self.store, Images) else map  # those have to be decoded
        for made in each(self._made, self.order):
            if isinstance(made, ImageError):
                self.skipped.append((made.name, made.reason))
            else:
                sample, dtype = made
                self.deep |= dtype == np.uint16
                yield sample
        if len(self.skipped) == len(self):
            name, reason = self.skipped[0]
            raise DataError(
                f'{self.describe}: none of the {len(self)} images are usable; {name}: {reason}'
            )

    def _made(self, index: int) -> tuple[Sample, np.dtype] | ImageError:
        """The sample of an item, and the item's dtype; or why an image cannot be one."""
        try:
            item, label = self.store[index]
            values = self._fit(item, self.store.name(index))
        except ImageError as error:
            return error
        centered = values.astype(np.float32) - self.mean
        return (centered * self.scale, label), item.dtype

    def batches(self, size: int) -> Iterator[Batch]:
        """One pass of (samples (size, *shape), labels (size,) or None); the last may be smaller."""
        pairs = self.pairs()
        while batch := list(islice(pairs, size)):
            yield _stack(batch)

    def take(self, count: int) -> Batch:
        """The first `count` samples of a pass (or all, if there are fewer), and their labels."""
        return next(self.batches(count))

    def _fit(self, item: np.ndarray, name: str) -> np.ndarray:
        if item.dtype in PIXELS and len(self.shape) == 3:
            pixels = to_channels(item, self.shape[0], name)
            return self._fit_pixels(pixels, name)
        if _holds(item.shape, self.shape):
            return _cut(item, self.shape)
        message = (
            f'{name} is {dimensions(item.shape)}, the net needs {dimensions(self.shape)} '
            '(height and width may be larger)'
        )
        if _has_channels_last(item.shape, self.shape[0]):
            message += '; its last axis looks like the channels: transpose to (N, C, H, W)'
        raise DataError(message)

    def _fit_pixels(self, item: np.ndarray, name: str) -> np.ndarray:
        if self.crop:
            if min(item.shape[1:]) < self.crop:
                found = dimensions(item.shape[1:])
                raise ImageError(name, f'is {found}, smaller than the crop of {self.crop}')
            item = center_crop(item, self.crop, self.crop)
        if 0 in item.shape:
            raise ImageError(name, f'is {dimensions(item.shape)}: it has no pixels')
        return cover(item, *self.shape[1:])


def _has_channels_last(shape: Shape, channels: int) -> bool:
    return len(shape) == 3 and shape[2] == channels and shape[0] != channels


def _holds(shape: Shape, needed: Shape) -> bool:
    """Whether `needed` is `shape`, or (C, H, W) that can be cropped from it."""
    if shape == needed:
        return True
    if len(shape) != 3 or len(needed) != 3 or shape[0] != needed[0]:
        return False
    return shape[1] >= needed[1] and shape[2] >= needed[2]


def _cut(array: np.ndarray, shape: Shape) -> np.ndarray:
    if array.shape == shape:
        return array
    return center_crop(array, *shape[1:])


def _stack(samples: list[Sample]) -> Batch:
    rows = np.stack([values for values, _ in samples])
    labels = [label for _, label in samples]
    if None in labels:
        return rows, None
    return rows, np.array(labels)


def fit_mean(mean: Mean, shape: Shape) -> np.ndarray:
    """The mean to subtract from samples of `shape`, broadcastable to it.

    mean is None, one number or one per channel (a list, or text like '104,117,123'), or the path of
    a mean file, which is center-cropped if it is larger. Raises DataError.
    """
    values = numbers_of(mean)
    if not isinstance(values, str):
        if values.size not in (1, shape[0]):
            raise DataError(
                f'mean: found {values.size} numbers, needed: 1, or {shape[0]} (one per channel)'
            )
        ones = [1] * (len(shape) - 1)
        return values.reshape(-1, *ones)
    image = read_mean(values)
    if not _holds(image.shape, shape):
        raise DataError(
            f'mean file {mean} is {dimensions(image.shape)}, the net needs {dimensions(shape)}; '
            f'give one number per channel instead'
        )
    return _cut(image, shape)


def numbers_of(mean: Mean) -> np.ndarray | str:
    """The numbers of the mean, or its path if it names a file."""
    if mean is None:
        return np.zeros(1, np.float32)
    if not isinstance(mean, str | Path):
        return np.array(mean, np.float32)
    try:
        numbers = [float(value) for value in str(mean).split(',')]
        return np.array(numbers, np.float32)
    except ValueError:
        return str(mean)
