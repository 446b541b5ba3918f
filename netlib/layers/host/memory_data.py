import warnings
from typing import Any

import numpy as np

from ...registry import register
from ..base import Blobs, Flags, Layer
from .shared.errors import data_error


@register
class MemoryData(Layer):
    """Batches of the arrays passed to `set_arrays`, starting over after the last

    top  data   (batch_size, channels, height, width)
         label  (batch_size, 1, 1, 1)

    As in Caffe, arrays are used as they are, without transform_param. Source: BVLC
    Caffe's memory_data_layer.
    """

    bottoms = 0
    tops = 2
    is_data = True

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.memory_data_param
        self.shape = p.batch_size, p.channels, p.height, p.width
        if not all(self.shape):
            raise self.error(
                'batch_size, channels, height, and width must be specified and positive in '
                f'memory_data_param; found {self.shape}'
            )
        self.arrays: tuple[np.ndarray, np.ndarray] | None = None
        self.next = 0
        top[0].reshape(*self.shape)
        top[1].reshape(p.batch_size, 1, 1, 1)

    def set_arrays(self, data: np.ndarray, labels: np.ndarray) -> None:
        """Set the arrays for the next forward passes: data (n, channels, height, width) and n
        labels, n a multiple of batch_size. They are not copied. Raises DataError."""
        batch, channels, height, width = self.shape
        is_batches = len(data) > 0 and len(data) % batch == 0
        if not is_batches or data.shape[1:] != (channels, height, width):
            raise data_error(
                self,
                f'data: found {data.shape}, needed (a multiple of {batch}, {channels}, {height}, '
                f'{width})',
            )
        if labels.size != len(data):
            raise data_error(
                self, f'labels: found {labels.size}, needed: one for each of {len(data)} images'
            )
        if self.param.HasField('transform_param'):
            warnings.warn(str(self.error('transform_param is not applied to arrays')), stacklevel=2)
        self.arrays = data, labels.reshape(-1, 1, 1, 1)
        self.next = 0

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        pass

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        if self.arrays is None:
            raise data_error(self, 'has no data: call set_arrays(data, labels) before forward')
        end = self.next + self.shape[0]
        for blob, array in zip(top, self.arrays, strict=True):
            blob.data = array[self.next : end]
        self.next = end % len(self.arrays[0])

    def state(self) -> dict[str, Any]:
        """The position in the arrays. The arrays are not included: set them before `restore`."""
        return {'next': self.next}

    def restore(self, state: dict[str, Any]) -> None:
        self.next = state['next']

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        pass
