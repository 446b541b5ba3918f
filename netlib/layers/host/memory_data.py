import warnings

import numpy as np

from ...errors import DataError
from ...registry import register
from ..base import Layer


@register
class MemoryData(Layer):
    """Batches of arrays that whoever runs the net hands over with `set_arrays`; after the last
    comes the first

    top  data   (batch_size, channels, height, width)
         label  (batch_size, 1, 1, 1)

    As in Caffe, arrays are taken as they are: transform_param is not applied to them. Source: BVLC
    Caffe's memory_data_layer.
    """

    bottoms, tops = 0, 2
    is_data = True

    def setup(self, bottom, top):
        p = self.param.memory_data_param
        self.shape = p.batch_size, p.channels, p.height, p.width
        if not all(self.shape):
            raise self.error(
                'batch_size, channels, height, and width must be specified and positive in '
                f'memory_data_param; found {self.shape}'
            )
        self.arrays, self.next = None, 0
        top[0].reshape(*self.shape)
        top[1].reshape(p.batch_size, 1, 1, 1)

    def set_arrays(self, data: np.ndarray, labels: np.ndarray) -> None:
        """What the coming forward passes give: data (n, channels, height, width) and n labels, with
        n a multiple of batch_size. They are not copied."""
        batch, *image = self.shape
        if data.shape[1:] != tuple(image) or len(data) == 0 or len(data) % batch:
            raise DataError(
                str(
                    self.error(
                        f'data: found {data.shape}, needed (a multiple of {batch}, {image[0]}, '
                        f'{image[1]}, {image[2]})'
                    )
                )
            )
        if labels.size != len(data):
            raise DataError(
                str(
                    self.error(
                        f'labels: found {labels.size}, needed one for each of {len(data)} images'
                    )
                )
            )
        if self.param.HasField('transform_param'):
            warnings.warn(str(self.error('transform_param is not applied to arrays')), stacklevel=2)
        self.arrays = data, labels.reshape(-1, 1, 1, 1)
        self.next = 0

    def reshape(self, bottom, top):
        pass

    def forward(self, bottom, top):
        if self.arrays is None:
            raise DataError(
                str(self.error('has no data: call set_arrays(data, labels) before forward'))
            )
        for blob, array in zip(top, self.arrays, strict=True):
            blob.data = array[self.next : self.next + self.shape[0]]
        self.next = (self.next + self.shape[0]) % len(self.arrays[0])

    def state(self):
        """The place in the arrays, which themselves are not part of it: hand them over before
        `restore`."""
        return {'next': self.next}

    def restore(self, state):
        self.next = state['next']

    def backward(self, top, propagate_down, bottom):
        pass
