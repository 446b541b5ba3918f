from ...data.hdf5 import write_datasets
from ...errors import DataError
from ...registry import register
from ..base import Layer


@register
class HDF5Output(Layer):
    """Write one batch to the HDF5 file file_name, as the datasets `data` and `label`

    bottom  data   (N, C, H, W)     axes that are absent at the end count as 1
            label  (N, ...)         likewise

    As in Caffe the file holds the first forward pass, and a second one is an error. Source: BVLC
    Caffe's hdf5_output_layer.
    """

    bottoms, tops = 2, 0

    def setup(self, bottom, top):
        self.written = False
        if not self.param.hdf5_output_param.file_name:
            raise self.error('file_name: needed, the HDF5 file to write')

    def reshape(self, bottom, top):
        data, label = bottom
        for blob in bottom:
            if not 1 <= blob.axes <= 4:
                raise self.error(
                    f"bottom '{blob.name}': found {blob.shape_text}, needed 1 to 4 axes"
                )
        if data.shape[0] != label.shape[0]:
            raise self.error(
                f"bottoms '{data.name}' {data.shape_text} and '{label.name}' {label.shape_text} must have "
                'the same first dimension'
            )

    def forward(self, bottom, top):
        file = self.param.hdf5_output_param.file_name
        if self.written:
            raise DataError(
                str(
                    self.error(
                        f'{file} holds a batch already: run one forward pass, with a batch of all '
                        'samples'
                    )
                )
            )
        arrays = [blob.data.reshape(*blob.shape, *[1] * (4 - blob.axes)) for blob in bottom]
        try:
            write_datasets(file, dict(zip(('data', 'label'), arrays, strict=True)))
        except DataError as error:
            raise DataError(str(self.error(str(error)))) from error
        self.written = True

    def backward(self, top, propagate_down, bottom):
        pass
