"""Images that the threads which read ahead also put where a device fetches them."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ....data.patch import write_all
from ....data.prefetch import Reader
from ....data.readers import Image

Placed = tuple[list[Image], bool]  # a group of images, and whether they are in their place


class Staged:
    """A reader of groups of `size` images from another reader, which writes the groups one after
    another into the arrays, and begins again with the first array after the last.

    Whoever takes the groups says by taking them how far the arrays are free (Batches).
    """

    def __init__(self, reader: Reader, arrays: Sequence[np.ndarray], size: int):
        self.reader = reader
        self.state = reader.state
        self.count = 0  # groups so far
        self.places: list[np.ndarray] = []
        for array in arrays:
            self.places += [array[start : start + size] for start in range(0, len(array), size)]

    def __next__(self) -> Callable[[], Placed]:
        task = next(self.reader)
        place = self.places[self.count % len(self.places)]
        self.count += 1
        return partial(put, task, place)

    def restore(self, state: dict) -> None:
        self.reader.restore(state)
        self.count = 0


def put(task: Callable[[], list[Image]], place: np.ndarray) -> Placed:
    """The group of images that the task makes, after writing it if it fits."""
    images = task()
    fits = all(patch.pixels.shape == place.shape[1:] for patch, _, _ in images)
    if fits:
        write_all([patch for patch, _, _ in images], place)
    return images, fits
