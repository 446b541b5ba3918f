"""Shared by Data, ImageData and WindowData: turning images into tops, batch by batch."""

from ....data.prefetch import THREADS, Grouped, Reader
from ....data.readers import Image
from ....errors import DataError
from ....shapes import dimensions
from ...base import Blobs, Count
from .reading import Reading

# The most images that a thread makes at once; with fewer, threads wait more often for their turn.
PART = 16


class Batches(Reading):
    """The next batch_size images in every forward pass, transformed by transform_param, and their
    labels

    top  data   (batch_size, C, H, W)       H and W may vary only if batch_size is 1
         label  (batch_size,)               optional

    data_param's prefetch is the number of batches made ahead, also for ImageData and WindowData, as
    in Caffe. A subclass has `batch_size` and `images`.
    """

    tops: Count = (1, 2)
    threads = THREADS

    @property
    def batch_size(self) -> int:
        raise NotImplementedError

    def images(self) -> Reader:
        """A new reader that returns one Image at a time."""
        raise NotImplementedError

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        if self.batch_size < 1:
            raise self.error(f'batch_size: found {self.batch_size}, must be positive')
        sizes = range(1, PART + 1)
        self.part = max(n for n in sizes if self.batch_size % n == 0)
        images = self.param.data_param.prefetch * self.batch_size
        self.ahead = images // self.part
        super().setup(bottom, top)

    def open(self) -> Reader:
        return Grouped(self.images(), self.part)

    def shape_tops(self, top: Blobs, item: list[Image]) -> None:
        patch, _, _ = item[0]
        top[0].reshape(self.batch_size, *patch.pixels.shape)
        for label in top[1:]:
            label.reshape(self.batch_size)

    def fill(self, top: Blobs) -> None:
        for start in range(0, self.batch_size, self.part):
            part = self.take()
            if start == 0:
                self.shape_tops(top, part)
            for i, image in enumerate(part, start):
                self.put(i, image, top)

    def put(self, i: int, image: Image, top: Blobs) -> None:
        """Write an image to its place in the batch. Raises DataError if it does not fit."""
        patch, label, name = image
        if patch.pixels.shape != top[0].shape[1:]:
            raise DataError(
                f'{name} is {dimensions(patch.pixels.shape)}, but the batch began with '
                f'{dimensions(top[0].shape[1:])}: give all images one size, or set crop_size or '
                'batch_size: 1'
            )
        patch.write(top[0].data[i])
        if len(top) > 1:
            top[1].data[i] = 0 if label is None else label
