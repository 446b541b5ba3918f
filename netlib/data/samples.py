"""Samples: items of a store in a seeded random order, fitted to a net's input."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from ..errors import DataError
from .images import ImageError, centre_crop, cover, to_channels
from .transform import dimensions, read_mean

Mean = str | Path | float | Sequence[float] | None


class Store(Protocol):
    """What Samples draws from. `describe` words it in half a line, `name` says which item is meant."""

    describe: str

    def __len__(self) -> int: ...

    def suit(self, shape: tuple[int, ...]) -> None:
        """Know what the net takes, (C, H, W): color or gray. DataError for items that cannot serve."""

    def name(self, index: int) -> str: ...

    def __getitem__(self, index: int) -> tuple[np.ndarray, int | None]:
        """Pixels uint8 (C, H, W) or values of another dtype and any shape, and the label if known."""


class Samples:
    """(pixel - mean) * scale of a store's items, float32 of `shape`, each item once, in random
    order.

    shape is the net's input without the batch, as (C, H, W). Pixels (uint8) are brought to C
    channels (grey <-> colour), resized keeping the aspect until they cover H x W, and cut at the
    centre; `crop` first cuts the central crop x crop. Values of another dtype are only cut at the
    centre. mean: a number, one per channel, or a mean file. Unreadable images are left out and
    listed in `skipped`. The order is drawn once from `rng`: every pass gives the same samples.
    """

    def __init__(
        self,
        store: Store,
        shape: tuple[int, ...],
        rng: np.random.Generator,
        *,
        mean: Mean = None,
        scale: float = 1.0,
        crop: int | None = None,
    ):
        if not len(store):
            raise DataError(f'{store.describe}: holds no samples')
        store.suit(tuple(shape))
        self.store, self.shape, self.crop = store, tuple(shape), crop
        self.mean = fit_mean(mean, self.shape)
        self.scale = np.float32(scale)
        self.order = rng.permutation(len(store)).tolist()
        self.skipped: list[tuple[str, str]] = []

    @property
    def describe(self) -> str:
        """Half a line on where the samples come from."""
        return self.store.describe

    def __len__(self) -> int:
        """How many there are, unreadable ones included."""
        return len(self.order)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (values for values, _ in self.pairs())

    def pairs(self) -> Iterator[tuple[np.ndarray, int | None]]:
        """One pass of (sample, label or None); DataError when not one image is readable."""
        self.skipped = []
        for index in self.order:
            try:
                item, label = self.store[index]
                values = self._fit(item, self.store.name(index))
            except ImageError as error:
                self.skipped.append((error.name, error.reason))
            else:
                yield (values.astype(np.float32) - self.mean) * self.scale, label
        if len(self.skipped) == len(self):
            name, reason = self.skipped[0]
            raise DataError(
                f'{self.describe}: none of the {len(self)} images is usable; {name}: {reason}'
            )

    def batches(self, size: int) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
        """One pass of (samples (size, *shape), labels (size,) or None); the last may be smaller."""
        rows, labels = [], []
        for values, label in self.pairs():
            rows.append(values)
            labels.append(label)
            if len(rows) == size:
                yield _stack(rows, labels)
                rows, labels = [], []
        if rows:
            yield _stack(rows, labels)

    def take(self, count: int) -> tuple[np.ndarray, np.ndarray | None]:
        """The first `count` samples of a pass (fewer when there are no more), and their labels."""
        return next(self.batches(count))

    def _fit(self, item: np.ndarray, name: str) -> np.ndarray:
        if item.dtype == np.uint8 and len(self.shape) == 3:
            return self._fit_pixels(to_channels(item, self.shape[0], name), name)
        if _holds(item.shape, self.shape):
            return _cut(item, self.shape)
        last = item.ndim == 3 and item.shape[2] == self.shape[0] != item.shape[0]
        hint = '; its last axis looks like the channels: transpose to (N, C, H, W)' if last else ''
        raise DataError(
            f'{name} is {dimensions(item.shape)}, the net needs {dimensions(self.shape)} '
            f'(height and width may be larger){hint}'
        )

    def _fit_pixels(self, item: np.ndarray, name: str) -> np.ndarray:
        if self.crop:
            if min(item.shape[1:]) < self.crop:
                found = dimensions(item.shape[1:])
                raise ImageError(name, f'is {found}, smaller than the crop of {self.crop}')
            item = centre_crop(item, self.crop, self.crop)
        return cover(item, *self.shape[1:])


def _holds(shape: tuple[int, ...], needed: tuple[int, ...]) -> bool:
    """Whether `needed` is `shape`, or (C, H, W) that can be cut out of it."""
    return shape == needed or (
        len(shape) == len(needed) == 3
        and shape[0] == needed[0]
        and shape[1] >= needed[1]
        and shape[2] >= needed[2]
    )


def _cut(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return array if array.shape == shape else centre_crop(array, *shape[1:])


def _stack(rows: list[np.ndarray], labels: list) -> tuple[np.ndarray, np.ndarray | None]:
    return np.stack(rows), None if None in labels else np.array(labels)


def fit_mean(mean: Mean, shape: tuple[int, ...]) -> np.ndarray:
    """The mean to subtract from samples of `shape`, broadcastable to it.

    mean is None, one number or one per channel (a list, or text as '104,117,123'), or the path of a
    mean file, which is cut at the centre when it is larger.
    """
    values = _numbers(mean)
    if not isinstance(values, str):
        if values.size not in (1, shape[0]):
            raise DataError(
                f'mean: found {values.size} numbers, needed: 1, or {shape[0]} (one per channel)'
            )
        return values.reshape(-1, *(1,) * (len(shape) - 1))
    image = read_mean(values)
    if not _holds(image.shape, shape):
        raise DataError(
            f'mean file {mean} is {dimensions(image.shape)}, the net needs {dimensions(shape)}; '
            f'give one number per channel instead'
        )
    return _cut(image, shape)


def _numbers(mean: Mean) -> np.ndarray | str:
    """The mean's numbers, or the path when it names a file."""
    if mean is None:
        return np.zeros(1, np.float32)
    if not isinstance(mean, str | Path):
        return np.array(mean, np.float32)
    try:
        return np.array([float(value) for value in str(mean).split(',')], np.float32)
    except ValueError:
        return str(mean)
