from itertools import chain

from ...data.hdf5 import read_file_list, rows_of
from ...errors import DataError
from ...registry import register
from ..base import Layer


@register
class HDF5Data(Layer):
    """The next batch_size rows of HDF5 files in every forward pass; after the last file comes the first

    top  x_k  (batch_size, ...)     rows of the dataset that has the top's name

    `source` lists the files; a batch may reach from one into the next. shuffle: each pass takes the files, and the rows
    within each, in a new order. There is no transform_param. Source: BVLC Caffe's hdf5_data_layer.
    """

    bottoms, tops = 0, (1, None)
    is_data = True

    def setup(self, bottom, top):
        p = self.param.hdf5_data_param
        if self.param.HasField('transform_param'):
            raise self.error('HDF5Data does not transform data. Leave transform_param out; store what it would give')
        if not p.batch_size:
            raise self.error('batch_size: found 0, must be positive')
        try:
            rows = rows_of(read_file_list(p.source), list(self.param.top), self.rng if p.shuffle else None)
            first = next(rows)
        except DataError as error:
            raise self.data_error(error) from error
        self.upcoming = chain([first], rows)
        for blob, values in zip(top, first[1], strict=True):
            blob.reshape(p.batch_size, *values.shape)

    def reshape(self, bottom, top):
        pass

    def forward(self, bottom, top):
        try:
            for i in range(self.param.hdf5_data_param.batch_size):
                file, row = next(self.upcoming)
                for blob, values in zip(top, row, strict=True):
                    if values.shape != blob.shape[1:]:
                        raise DataError(f"{file}: rows of '{blob.name}' are {values.shape}, those of the first file "
                                        f'{blob.shape[1:]}')
                    blob.data[i] = values
        except DataError as error:
            raise self.data_error(error) from error

    def data_error(self, error):
        return DataError(str(self.error(str(error))))

    def backward(self, top, propagate_down, bottom):
        pass
