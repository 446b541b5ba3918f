"""What the layers share that read files: a place in the data, reading ahead, errors that name the
layer."""

from ....data.prefetch import Reader, Share, read_ahead
from ....errors import DataError
from ...base import Layer


class Reading(Layer):
    """A layer whose forward passes take this rank's share of what a Reader gives, made ahead while
    the net computes.

    A subclass opens the reader, shapes the tops after its first item, and fills them. `ahead` and
    `threads` are read_ahead's.
    """

    bottoms = 0
    is_data = True
    ahead, threads = 0, 1

    def open(self) -> Reader:
        raise NotImplementedError

    def shape_tops(self, top, item):
        raise NotImplementedError

    def fill(self, top):
        """Fill the tops with what `take` gives."""
        raise NotImplementedError

    def setup(self, bottom, top):
        self.upcoming = None
        try:
            self.reader = Share(self.open(), self.ranks.rank, self.ranks.size)
            self.place = self.reader.state()
            first = next(self.reader)()
        except DataError as error:
            raise self.data_error(error) from error
        self.restore(self.place)
        self.shape_tops(top, first)

    def reshape(self, bottom, top):
        pass

    def forward(self, bottom, top):
        if self.upcoming is None:
            self.upcoming = read_ahead(self.reader, self.ahead, self.threads)
        try:
            self.fill(top)
        except BaseException as error:
            self.restore(self.place)  # the next forward tries this batch again
            if isinstance(error, DataError):
                raise self.data_error(error) from error
            raise
        self.place = self.taken

    def take(self):
        """The reader's next item."""
        item, self.taken = next(self.upcoming)
        return item

    def state(self):
        """The place after the batch that the last forward gave, however much was read ahead."""
        return self.place

    def restore(self, state):
        if self.upcoming is not None:
            self.upcoming.close()
            self.upcoming = None
        self.reader.restore(state)
        self.place = state

    def data_error(self, error):
        return DataError(str(self.error(str(error))))

    def backward(self, top, propagate_down, bottom):
        pass
