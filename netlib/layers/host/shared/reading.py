"""Shared by all layers that read files: a position in the data, reading ahead, and errors that name
the layer."""

from collections.abc import Generator
from typing import Any

from ....data.prefetch import Item, Prefetch, Reader, Share, read_ahead
from ....errors import DataError
from ...base import Blobs, Flags, Layer
from .errors import data_error


class Reading(Layer):
    """A layer whose forward passes use this rank's share of a Reader's items, which are made ahead
    while the net computes.

    A subclass opens the reader, shapes the tops to fit its first item, and fills them. `ahead` and
    `threads` are the arguments of read_ahead.
    """

    bottoms = 0
    is_data = True
    ahead = 0
    threads = 1

    def open(self) -> Reader:
        """A new reader, at the first item."""
        raise NotImplementedError

    def shape_tops(self, top: Blobs, item: Any) -> None:
        """Shape the tops to fit an item of the reader."""
        raise NotImplementedError

    def fill(self, top: Blobs) -> None:
        """Fill the tops with items from `take`."""
        raise NotImplementedError

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        self.upcoming: Prefetch | Generator[Item, None, None] | None = None
        try:
            self.reader: Reader = Share(self.open(), self.ranks.rank, self.ranks.size)
            self.place = self.reader.state()
            first = next(self.reader)()
        except DataError as error:
            raise data_error(self, str(error)) from error
        self.restore(self.place)
        self.shape_tops(top, first)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        pass

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        try:
            self.fill(top)
        except BaseException as error:
            self.restore(self.place)  # the next forward tries this batch again
            if isinstance(error, DataError):
                raise data_error(self, str(error)) from error
            raise
        self.place = self.taken

    def take(self) -> Any:
        """The reader's next item."""
        if self.upcoming is None:
            self.upcoming = read_ahead(self.reader, self.ahead, self.threads)
        item, self.taken = next(self.upcoming)
        return item

    def state(self) -> dict[str, Any]:
        """The position after the last forward's batch, regardless of how much was read ahead."""
        return self.place

    def restore(self, state: dict[str, Any]) -> None:
        if self.upcoming is not None:
            self.upcoming.close()
            self.upcoming = None
        self.reader.restore(state)
        self.place = state

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        pass
