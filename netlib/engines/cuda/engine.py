"""The CUDA engine. It inherits no ops from the CPU engines."""

from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike

from ...errors import EngineError
from ...memory import Tensor
from ..calling import Method
from .array import DeviceArray, check_count
from .composed import Composed
from .convolution import Convolution
from .declarations import Kernels
from .device import open_device
from .indexing import Indexing
from .pooling import Pooling
from .replay import Calls, Replay
from .uploads import Staging


class Cuda(Indexing, Convolution, Pooling, Composed):
    """Computes in float32.

    tf32: matrix products and convolutions may round their factors to 10 bits after the point, to
    use the tensor cores, which are several times as fast.
    deterministic: cuDNN also computes the same bits every time. Our own kernels always do, and so
    does cuBLAS, since it uses one stream.
    convolution: 'CAFFE' (im2col and cuBLAS), 'CUDNN', or 'DEFAULT': products where the kernel is
    one place (pointwise.py), else cuDNN, if it is installed and has an algorithm for the shapes.
    """

    name = 'cuda'
    on_device = True
    can_record = True

    def __init__(
        self,
        dtype: DTypeLike = np.float32,
        tf32: bool = False,
        deterministic: bool = False,
        convolution: str = 'DEFAULT',
    ):
        if np.dtype(dtype) != np.float32:
            raise EngineError(
                f"engine 'cuda' computes in float32; for {np.dtype(dtype)} use engine 'reference'"
            )
        self.device = open_device()
        self.can_record = self.can_record and not self.device.waits  # which names each call
        self.kernels = Kernels(self.device)
        self.tf32 = tf32
        self.deterministic = deterministic
        self.convolution = convolution

    def convolving(self, by: str) -> Self:
        if by == 'DEFAULT':
            return self
        engine = type(self)(self.dtype, self.tf32, self.deterministic, by)
        engine.can_record = self.can_record
        return engine

    def staging(self, tensor: Tensor) -> Staging | None:
        return self.device.staging(tensor)

    def room(self) -> int:
        """Half of the memory is for those who compute."""
        free, total = self.device.cuda.mem_get_info()
        return max(free + self.device.pool.kept - total // 2, 0)

    def replay(self, recorder: list[Any]) -> Replay:
        """The Replay of a recorder, which is all it holds."""
        if not recorder:
            recorder.append(Replay(self.device))
        return recorder[0]

    def record(self, method: Method, read: list[Any], written: dict[str, Any]) -> None:
        """Run an op, and note the calls that it makes, or else the op itself."""
        recorder, self.recorder = self.recorder, None  # the ops that this op calls are part of it
        calls: Calls = []
        self.device.noted = calls
        try:
            method(self, *read, **written)
            bare = self.device.noted is not None
        finally:
            self.recorder, self.device.noted = recorder, None
        if recorder is not None:
            replay = self.replay(recorder)
            replay.bare = replay.bare and bare
            replay.calls += calls if bare else [partial(method, self, *read, **written)]

    @property
    def recorder(self) -> list[Any] | None:
        """That of the device: a layer's own engine (`convolving`) and the net's may compute by
        turns, and end a recording, whichever is recording."""
        return self.device.recorder

    @recorder.setter
    def recorder(self, calls: list[Any] | None) -> None:
        self.device.recorder = calls

    def reads(self, tensor: Tensor) -> DeviceArray:
        return self._array(tensor, write=False)

    def writes(self, tensor: Tensor, keeps: bool = True) -> DeviceArray:
        return self._array(tensor, write=True)

    def _array(self, tensor: Tensor, write: bool) -> DeviceArray:
        self.device.check_thread()
        check_count(tensor.size, 'tensors')
        if self.recorder is not None:
            self.replay(self.recorder).uses(tensor.memory, write)
        start = int(tensor.memory.device(self.device, write))
        return DeviceArray(start + tensor.offset * self.dtype.itemsize, tensor.shape)
