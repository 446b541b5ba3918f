"""Shared by Data, ImageData and WindowData: turning images into tops, batch by batch."""

from ....data.patch import write_all
from ....data.prefetch import THREADS, Grouped, Reader
from ....data.readers import Image
from ....engines.calling import Staging
from ....errors import DataError
from ....shapes import dimensions
from ...base import Blobs, Count
from .reading import Reading
from .staged import Staged

# The most images that a thread makes at once; with fewer, threads wait more often for their turn.
PART = 16


class Batches(Reading):
    """The next batch_size images in every forward pass, transformed by transform_param, and their
    labels

    top  data   (batch_size, C, H, W)       H and W may vary only if batch_size is 1
         label  (batch_size,)               optional

    data_param's prefetch is the number of batches made ahead, also for ImageData and WindowData, as
    in Caffe. A subclass has `batch_size` and `images`.

    For a device, the threads that read ahead also write the batches where it fetches them
    (`staging`), at most two ahead.
    """

    tops: Count = (1, 2)
    threads = THREADS
    staging: Staging | None = None
    turn = 0  # batches since reading ahead began

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
        if self.upcoming is None:
            self.stage(top)
        if self.staging is not None:
            self.fill_staged(self.staging, top)
            return
        for start in range(0, self.batch_size, self.part):
            part = self.take()
            if start == 0:
                self.shape_tops(top, part)
            self.put_all(part, start, top)

    def stage(self, top: Blobs) -> None:
        """Before reading ahead begins: let its threads write the batches, if that helps."""
        if self.staging is None and self.batch_size > 1:
            self.staging = self.engine.staging(top[0].values)
            if self.staging is not None:
                arrays = self.staging.arrays
                self.reader = Staged(self.reader, arrays, self.part)
                groups = self.batch_size // self.part
                self.ahead = min(self.ahead, (len(arrays) - 1) * groups)
        if self.staging is not None:
            self.turn = 0
            for turn in range(len(self.staging.arrays)):
                self.staging.wait(turn)

    def fill_staged(self, staging: Staging, top: Blobs) -> None:
        """Send a batch that is in its place; write one that does not fit there."""
        # As this batch is taken, threads begin to write the one after the next: into the array of
        # the one before.
        staging.wait(self.turn - 1)
        groups = [self.take() for _ in range(0, self.batch_size, self.part)]
        images = [image for group, _ in groups for image in group]
        self.shape_tops(top, images)
        if all(fits for _, fits in groups):
            staging.send(self.turn, top[0].values)
            self.label(images, 0, top)
        else:
            self.put_all(images, 0, top)
        self.turn += 1

    def put_all(self, images: list[Image], start: int, top: Blobs) -> None:
        """Write images and their labels, from a place in the batch on."""
        self.label(images, start, top)
        write_all([patch for patch, _, _ in images], top[0].data[start:])

    def label(self, images: list[Image], start: int, top: Blobs) -> None:
        """Write the labels of images, from a place in the batch on. Raises DataError if an image
        does not fit into the batch."""
        shape = top[0].shape[1:]
        for patch, _, name in images:
            if patch.pixels.shape != shape:
                raise DataError(
                    f'{name} is {dimensions(patch.pixels.shape)}, but the batch began with '
                    f'{dimensions(shape)}: give all images one size, or set crop_size or '
                    'batch_size: 1'
                )
        if len(top) > 1:
            labels = [0 if label is None else label for _, label, _ in images]
            top[1].data[start : start + len(images)] = labels
