from ...data.hdf5 import HDF5Reader, Part, read_file_list
from ...errors import DataError
from ...registry import register
from ..base import Blobs
from .shared.reading import Reading


@register
class HDF5Data(Reading):
    """The next batch_size rows of HDF5 files in every forward pass, starting over after the last

    top  x_k  (batch_size, ...)     rows of the dataset named like the top

    `source` lists the files; a batch may span two files. shuffle: each epoch reads the files, and
    the rows within each, in a new order. A single file stays in memory; with several files, the
    next one is read ahead. There is no transform_param. Source: BVLC Caffe's hdf5_data_layer.
    """

    tops = (1, None)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        if self.param.HasField('transform_param'):
            raise self.error(
                'HDF5Data does not transform data. Remove transform_param; store what it would give'
            )
        if not self.param.hdf5_data_param.batch_size:
            raise self.error('batch_size: found 0, must be positive')
        super().setup(bottom, top)

    def open(self) -> HDF5Reader:
        p = self.param.hdf5_data_param
        files = read_file_list(p.source)
        self.ahead = int(len(files) > 1)
        return HDF5Reader(files, list(self.param.top), p.batch_size, p.shuffle, self.rng)

    def shape_tops(self, top: Blobs, item: list[Part]) -> None:
        _, columns = item[0]
        for blob, rows in zip(top, columns, strict=True):
            blob.reshape(self.param.hdf5_data_param.batch_size, *rows.shape[1:])

    def fill(self, top: Blobs) -> None:
        start = 0
        for file, columns in self.take():
            end = start + len(columns[0])
            for blob, rows in zip(top, columns, strict=True):
                if rows.shape[1:] != blob.shape[1:]:
                    raise DataError(
                        f"{file}: rows of '{blob.name}' are {rows.shape[1:]}, those of the first "
                        f'file {blob.shape[1:]}'
                    )
                blob.data[start:end] = rows
            start = end
