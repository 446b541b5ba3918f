"""What Data and ImageData share: from an endless row of images to the tops of one batch after the other."""
from collections.abc import Iterator
from itertools import chain

import numpy as np

from ...data.transform import Transformer, dimensions
from ...errors import DataError
from ..base import Layer

Row = tuple[np.ndarray, int | None, str]


class Batches(Layer):
    """The next batch_size images in every forward pass, transformed as transform_param says, and their labels

    top  data   (batch_size, C, H, W)       of varying H and W only where batch_size is 1
         label  (batch_size,)               may be left out

    A subclass says how many in `batch_size` and where from in `rows`.
    """

    bottoms, tops = 0, (1, 2)
    is_data = True
    batch_size = 0

    def rows(self) -> Iterator[Row]:
        """Without end: pixels (C, H, W), the label or None, and a name for error messages."""
        raise NotImplementedError

    def setup(self, bottom, top):
        if self.batch_size < 1:
            raise self.error(f'batch_size: found {self.batch_size}, must be positive')
        try:
            self.transform = Transformer(self.param.transform_param, self.phase, self.rng)
            rows = self.rows()
            first = next(rows)
        except DataError as error:
            raise self.data_error(error) from error
        self.upcoming = chain([first], rows)
        self.shape_tops(top, self.transform.shape(first[0].shape))

    def shape_tops(self, top, shape):
        top[0].reshape(self.batch_size, *shape)
        for label in top[1:]:
            label.reshape(self.batch_size)

    def reshape(self, bottom, top):
        pass

    def forward(self, bottom, top):
        try:
            for i, (pixels, label, name) in zip(range(self.batch_size), self.upcoming, strict=False):
                values = self.transform(pixels, name)
                if i == 0:
                    self.shape_tops(top, values.shape)
                self.put(i, values, label, name, top)
        except DataError as error:
            raise self.data_error(error) from error

    def put(self, i, values, label, name, top):
        if values.shape != top[0].shape[1:]:
            raise DataError(f'{name} is {dimensions(values.shape)}, but the batch began with '
                            f'{dimensions(top[0].shape[1:])}: give all images one size, or set crop_size or '
                            'batch_size: 1')
        top[0].data[i] = values
        if len(top) > 1:
            if label is None:
                raise DataError(f"{name} has no label: leave the top '{top[1].name}' out, or give labels")
            top[1].data[i] = label

    def data_error(self, error):
        return DataError(str(self.error(str(error))))

    def backward(self, top, propagate_down, bottom):
        pass
