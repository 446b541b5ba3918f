"""The CUDA engine, on PyCUDA: kernels of our own (../kernels, one family a file) and cuBLAS for matrix products.

float32. An op that is not here is an error that names it. PyCUDA is imported when the first engine is made. A family of
kernels is compiled by nvcc when its first op is called, and PyCUDA keeps what was compiled on disk.
"""
import numpy as np

from ...errors import EngineError
from .arithmetic import Arithmetic
from .convolution import Convolution
from .device import DeviceArray, open_device
from .indexing import Indexing
from .normalization import Normalization
from .pooling import Pooling


class Cuda(Arithmetic, Indexing, Convolution, Pooling, Normalization):
    name = 'cuda'

    def __init__(self, dtype=np.float32):
        if np.dtype(dtype) != np.float32:
            raise EngineError(f"engine 'cuda' computes in float32; for {np.dtype(dtype)} use engine 'reference'")
        self.device = open_device()

    def reads(self, tensor):
        return self._array(tensor, write=False)

    def writes(self, tensor):
        return self._array(tensor, write=True)

    def _array(self, tensor, write):
        address = int(tensor.memory.device(self.device, write)) + tensor.offset * self.dtype.itemsize
        return DeviceArray(address, tensor.shape)
