"""The GPU of this process: its memory and its stream."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ...memory import Places, Tensor
from ..labels import label_error
from .array import ITEM, DeviceArray
from .chunks import ARRIVALS
from .driver import driver, no_gpu_said
from .pool import Allocation, Pool
from .replay import Calls
from .uploads import Staging, Uploads

FAULT = 8  # bytes: a wrong label found by a kernel, and the number of classes


class Gpu:
    """The process's GPU, shared by all engines. All computation runs in one stream, in the order of
    the calls; only a download waits for it.

    It is Memory's driver: allocate, clear, upload, download. `pool` counts the memory in use.
    """

    cuda: Any  # pycuda.driver

    def __init__(self) -> None:
        self.cuda = driver()
        with no_gpu_said():
            import pycuda.autoprimaryctx  # noqa: F401  (opens CUDA_DEVICE, or the first GPU)
        self.noted: Calls | None = None  # where calls are noted, to be made again
        self.recorder: list[Any] | None = None  # of all engines of the process
        self.pool = Pool(self.cuda)
        self.stream = self.cuda.Stream()
        self._uploads = Uploads(self.cuda, self.pool, self.stream)
        self._scratch: dict[str, Allocation] = {}
        self.fault = self.scratch('fault', FAULT)
        self.clear(self.fault, FAULT)
        self.arrived = self.scratch('arrived', ARRIVALS)  # counters, which kernels leave at 0
        self.clear(self.arrived, ARRIVALS)

    def allocate(self, size: int) -> Allocation:
        """`size` bytes of undefined values, freed with the last reference. Raises EngineError if
        the GPU is out of memory."""
        return self.pool.allocate(size)

    def clear(self, allocation: Allocation | int, size: int) -> None:
        if size:
            self.cuda.memset_d8_async(int(allocation), 0, size, self.stream)

    def upload(self, host: np.ndarray, allocation: Allocation | int) -> None:
        """Copy, without waiting for the device (uploads.py)."""
        if host.size:
            self._uploads(host, int(allocation))

    def staging(self, tensor: Tensor) -> Staging | None:
        return self._uploads.staging(tensor, self)

    def download(self, allocation: Allocation | int, host: np.ndarray) -> None:
        """Wait for all results, and copy. Raises EngineError if a kernel has found a wrong label
        since the last download."""
        if host.size:
            self.cuda.memcpy_dtoh_async(host, int(allocation), self.stream)
            self.check_fault()

    def check_fault(self) -> None:
        """Raises EngineError if a kernel has found a wrong label since the last check."""
        found = np.zeros(2, np.int32)
        self.cuda.memcpy_dtoh_async(found, self.fault, self.stream)
        self.stream.synchronize()
        label, classes = found.tolist()
        if classes:
            self.clear(self.fault, FAULT)
            raise label_error(label, classes)

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function of the driver or a library that queues work, and note the call."""
        function(*arguments)
        if self.noted is not None:
            self.noted.append(partial(function, *arguments))

    def copy(self, x: DeviceArray, out: DeviceArray) -> None:
        """Queue a copy on the device."""
        if out.size and x.address != out.address:
            size = ITEM * out.size
            self.call(self.cuda.memcpy_dtod_async, out.address, x.address, size, self.stream)

    def scratch(self, use: str, size: int) -> int:
        """The address of at least `size` bytes for one use within an op; the next op with that use
        overwrites them."""
        if use not in self._scratch or self._scratch[use].size < size:
            self._scratch.pop(use, None)  # given back first
            Places.change()  # noted calls have the old address
            self._scratch[use] = self.allocate(size)
        return int(self._scratch[use])

    def integers(self, values: Sequence[int] | np.ndarray) -> DeviceArray:
        """A few int32 on the device, for the current op, whose calls are then not to be repeated
        without uploading them again."""
        self.noted = None
        values = np.ascontiguousarray(values, np.int32)
        address = self.scratch('integers', values.nbytes)
        self.upload(values.reshape(-1), address)
        return DeviceArray(address, values.shape)

    def launch(self, function: Any, blocks: int, threads: int, arguments: bytes) -> None:
        """Queue a kernel: so many blocks of so many threads, with its arguments packed as a struct.

        This is what PyCUDA's prepared calls come down to, which take 2 us more.
        """
        grid = (blocks, 1)
        block = (threads, 1, 1)
        self.call(function._launch_kernel, grid, block, arguments, 0, self.stream)
