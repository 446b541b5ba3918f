"""The CUDA engine, on PyCUDA: kernels of our own (../kernels, one family a file), cuBLAS for matrix
products, and cuDNN for convolutions where it is installed.

An op that is not here is an error that names it. PyCUDA is imported when the first engine is made.
A family of kernels is compiled by nvcc when its first op is called, and PyCUDA keeps what was
compiled on disk, by source, compute capability and version of nvcc.
"""

import numpy as np

from ...errors import EngineError
from ..interface import Engine
from .convolution import Convolution
from .device import DeviceArray, open_device
from .indexing import Indexing
from .normalization import Normalization
from .pooling import Pooling


class Cuda(Indexing, Convolution, Pooling, Normalization):
    """Computes in float32.

    With tf32, matrix products and convolutions may round what they multiply to 10 bits after the
    point, for the several times faster tensor cores. Kernels of our own, and cuBLAS in its one
    stream, give the same bits each time; cuDNN if `deterministic`. `convolution`: 'CAFFE' (im2col
    and cuBLAS), 'CUDNN', or 'DEFAULT', which is cuDNN where that is installed and has an algorithm
    for the shapes.
    """

    name = 'cuda'
    on_device = True

    def __init__(
        self,
        dtype=np.float32,
        tf32: bool = False,
        deterministic: bool = False,
        convolution: str = 'DEFAULT',
    ):
        if np.dtype(dtype) != np.float32:
            raise EngineError(
                f"engine 'cuda' computes in float32; for {np.dtype(dtype)} use engine 'reference'"
            )
        self.device, self.tf32, self.deterministic, self.convolution = (
            open_device(),
            tf32,
            deterministic,
            convolution,
        )

    def convolving(self, by: str) -> Engine:
        return self if by == 'DEFAULT' else Cuda(self.dtype, self.tf32, self.deterministic, by)

    def reads(self, tensor):
        return self._array(tensor, write=False)

    def writes(self, tensor):
        return self._array(tensor, write=True)

    def _array(self, tensor, write):
        address = (
            int(tensor.memory.device(self.device, write)) + tensor.offset * self.dtype.itemsize
        )
        return DeviceArray(address, tensor.shape)
