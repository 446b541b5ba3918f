import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ...blob import Blob
from ...data.hdf5 import is_made_by, write_datasets
from ...errors import DataError
from ...registry import register
from ..base import Blobs, Flags, Layer
from .shared.errors import data_error

log = logging.getLogger(__name__)
_replaces = False


@contextmanager
def replacing(when: bool = True) -> Iterator[None]:
    """A context in which HDF5Output may replace files that it did not make, if `when` is true."""
    global _replaces
    before = _replaces
    _replaces = before or when
    try:
        yield
    finally:
        _replaces = before


def four_axes(blob: Blob) -> np.ndarray:
    """The values, with trailing axes of extent 1 up to four axes."""
    missing = [1] * (4 - blob.axes)
    return blob.data.reshape(*blob.shape, *missing)


@register
class HDF5Output(Layer):
    """Write one batch to the HDF5 file file_name, as the datasets `data` and `label`

    bottom  data   (N, C, H, W)     missing axes at the end count as 1
            label  (N, ...)         likewise

    As in Caffe, the file holds the first forward pass, and a second one is an error. A file that is
    there already is replaced if an HDF5Output made it; another one is refused without `--force`.
    Source: BVLC Caffe's hdf5_output_layer.
    """

    bottoms = 2
    tops = 0

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        self.written = False
        if not self.param.hdf5_output_param.file_name:
            raise self.error('file_name: missing; needed: the HDF5 file to write')

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        data, label = bottom
        for blob in bottom:
            if not 1 <= blob.axes <= 4:
                raise self.error(
                    f"bottom '{blob.name}': found {blob.shape_text}, needed 1 to 4 axes"
                )
        if data.shape[0] != label.shape[0]:
            raise self.error(
                f"bottoms '{data.name}' {data.shape_text} and '{label.name}' {label.shape_text} "
                'must have the same first dimension'
            )

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        file = self.param.hdf5_output_param.file_name
        if self.written:
            raise data_error(
                self,
                f'{file} already holds a batch: run one forward pass, with a batch of all samples',
            )
        if os.path.exists(file) and not _replaces and not is_made_by(file, self.type):
            raise data_error(
                self,
                f'{file} already exists, and no HDF5Output made it (use --force to replace it, or '
                'give another file_name)',
            )
        log.warning("note: layer '%s' (HDF5Output) writes %s", self.name, file)
        data, label = bottom
        arrays = {'data': four_axes(data), 'label': four_axes(label)}
        try:
            write_datasets(file, arrays, self.type)
        except DataError as error:
            raise data_error(self, str(error)) from error
        self.written = True

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        pass
