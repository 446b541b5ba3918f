"""What Data, ImageData and WindowData share: from a row of images to the tops of one batch after
the other."""

from ....data.prefetch import THREADS, Grouped, Reader
from ....data.transform import dimensions
from ....errors import DataError
from .reading import Reading

# images that a thread makes at a time, at most: fewer would have it wait for the others more often
PART = 16


class Batches(Reading):
    """The next batch_size images in every forward pass, transformed as transform_param says, and
    their labels

    top  data   (batch_size, C, H, W)       of varying H and W only where batch_size is 1
         label  (batch_size,)               may be left out

    data_param's prefetch says how many batches are made ahead, for ImageData and WindowData too, as
    in Caffe. A subclass has `batch_size` and `images`, a reader of (patch, label or None, name).
    """

    tops: int | tuple[int, int | None] = (1, 2)
    batch_size = 0
    threads = THREADS

    def images(self) -> Reader:
        raise NotImplementedError

    def setup(self, bottom, top):
        if self.batch_size < 1:
            raise self.error(f'batch_size: found {self.batch_size}, must be positive')
        self.part = max(n for n in range(1, PART + 1) if self.batch_size % n == 0)
        self.ahead = self.param.data_param.prefetch * self.batch_size // self.part
        super().setup(bottom, top)

    def open(self):
        return Grouped(self.images(), self.part)

    def shape_tops(self, top, part):
        top[0].reshape(self.batch_size, *part[0][0].pixels.shape)
        for label in top[1:]:
            label.reshape(self.batch_size)

    def fill(self, top):
        for start in range(0, self.batch_size, self.part):
            part = self.take()
            if start == 0:
                self.shape_tops(top, part)
            for i, image in enumerate(part, start):
                self.put(i, *image, top)

    def put(self, i, patch, label, name, top):
        if patch.pixels.shape != top[0].shape[1:]:
            raise DataError(
                f'{name} is {dimensions(patch.pixels.shape)}, but the batch began with '
                f'{dimensions(top[0].shape[1:])}: give all images one size, or set crop_size or '
                'batch_size: 1'
            )
        patch.write(top[0].data[i])
        if len(top) > 1:
            if label is None:
                raise DataError(
                    f"{name} has no label: leave the top '{top[1].name}' out, or give labels"
                )
            top[1].data[i] = label
