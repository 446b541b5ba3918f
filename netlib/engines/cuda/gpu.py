"""The GPU of this process: its memory and its stream."""

import functools
import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from ...errors import EngineError
from ...memory import Places, Tensor
from ..labels import label_error
from .array import ITEM, DeviceArray
from .chunks import ARRIVALS
from .driver import driver, no_gpu_said
from .graphs import Graphs, wanted
from .pool import Allocation, Pool
from .replay import Calls
from .uploads import Staging, Uploads

FAULT = 8  # bytes: a wrong label found by a kernel, and the number of classes
WAIT = 'GOODINIT_CUDA_WAIT'  # the variable that makes the host wait after each call
LATE = f'. An earlier kernel may have failed: {WAIT}=1 waits after each call, and names it'
P = ParamSpec('P')
Result = TypeVar('Result')


def status_text(status: int, name: str) -> str:
    """A status of cuBLAS or cuDNN in words, with what to do about one that may come late."""
    hint = LATE if name.endswith('EXECUTION_FAILED') else ''
    return f'status {status} ({name}){hint}'


def failures_said(
    method: Callable[Concatenate['Gpu', P], Result],
) -> Callable[Concatenate['Gpu', P], Result]:
    """Turns what PyCUDA raises in a method of Gpu into an EngineError."""

    @functools.wraps(method)
    def call(self: 'Gpu', *arguments: P.args, **keywords: P.kwargs) -> Result:
        try:
            return method(self, *arguments, **keywords)
        except self.cuda.Error as error:
            raise self.failure(error, method.__name__) from error

    return call


class Gpu:
    """The process's GPU, shared by all engines. All computation runs in one stream, in the order of
    the calls; only a download waits for it.

    It is Memory's driver: allocate, clear, upload, download. `pool` counts the memory in use.

    waits: with GOODINIT_CUDA_WAIT=1, the host waits after each call. A GPU reports that a kernel
    has failed when it is next waited for, so only then is it known which one it was.
    thread: the one that opened the GPU, the only one in which it computes.
    """

    cuda: Any  # pycuda.driver

    def __init__(self) -> None:
        self.cuda = driver()
        with no_gpu_said():
            import pycuda.autoprimaryctx  # noqa: F401  (opens CUDA_DEVICE, or the first GPU)
        self.noted: Calls | None = None  # where calls are noted, to be made again
        self.recorder: list[Any] | None = None  # of all engines of the process
        self.waits = os.environ.get(WAIT, '') not in ('', '0')
        self.thread = threading.get_ident()
        self.pool = Pool(self.cuda)
        self.stream = self.cuda.Stream()
        self.graphs: Graphs | None = Graphs(self.stream) if wanted() and not self.waits else None
        self._uploads = Uploads(self.cuda, self.pool, self.stream)
        self._scratch: dict[str, Allocation] = {}
        self.fault = self.scratch('fault', FAULT)
        self.clear(self.fault, FAULT)
        self.arrived = self.scratch('arrived', ARRIVALS)  # counters, which kernels leave at 0
        self.clear(self.arrived, ARRIVALS)

    @failures_said
    def allocate(self, size: int) -> Allocation:
        """`size` bytes of undefined values, freed with the last reference. Raises EngineError if
        the GPU is out of memory."""
        self.check_thread()
        return self.pool.allocate(size)

    @failures_said
    def clear(self, allocation: Allocation | int, size: int) -> None:
        if size:
            self.run_graphs()
            self.cuda.memset_d8_async(int(allocation), 0, size, self.stream)

    @failures_said
    def upload(self, host: np.ndarray, allocation: Allocation | int) -> None:
        """Copy, without waiting for the device (uploads.py)."""
        if host.size:
            self.run_graphs()
            self._uploads(host, int(allocation))

    @failures_said
    def staging(self, tensor: Tensor) -> Staging | None:
        return self._uploads.staging(tensor, self)

    @failures_said
    def download(self, allocation: Allocation | int, host: np.ndarray) -> None:
        """Wait for all results, and copy. Raises EngineError if a kernel has found a wrong label
        since the last download."""
        if host.size:
            self.run_graphs()
            self.cuda.memcpy_dtoh_async(host, int(allocation), self.stream)
            self.check_fault()

    @failures_said
    def check_fault(self) -> None:
        """Raises EngineError if a kernel has found a wrong label since the last check."""
        self.run_graphs()
        found = np.zeros(2, np.int32)
        self.cuda.memcpy_dtoh_async(found, self.fault, self.stream)
        self.stream.synchronize()
        label, classes = found.tolist()
        if classes:
            self.clear(self.fault, FAULT)
            raise label_error(label, classes)

    @failures_said
    def finish(self) -> None:
        """Wait until all that was asked for is done."""
        self.run_graphs()
        self.stream.synchronize()

    def call(self, name: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a function of the driver or a library that queues work, which errors call `name`,
        and note the call."""
        try:
            self.run_graphs()
            function(*arguments)
        except self.cuda.Error as error:
            raise self.failure(error, name) from error
        self.settle(name)
        self.note(function, *arguments)

    def note(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Note a call, to be made again, where an op is being recorded."""
        if self.noted is not None:
            self.noted.append(partial(function, *arguments))

    @failures_said
    def repeat(self, calls: Calls) -> None:
        """Make calls that were noted."""
        self.run_graphs()
        for call in calls:
            call()

    @failures_said
    def run_graphs(self) -> None:
        """Queue the calls that wait in line, before anything else is queued. Raises EngineError in
        another thread than the one that computes."""
        self.check_thread()
        if self.graphs is not None:
            self.graphs.run()

    def copy(self, x: DeviceArray, out: DeviceArray) -> None:
        """Queue a copy on the device."""
        if out.size and x.address != out.address:
            where = (out.address, x.address, ITEM * out.size)
            self.call('copy', self.cuda.memcpy_dtod_async, *where, self.stream)

    def scratch(self, use: str, size: int) -> int:
        """The address of at least `size` bytes for one use within an op; the next op with that use
        overwrites them."""
        if use not in self._scratch or self._scratch[use].size < size:
            self.run_graphs()  # which use the old one
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

    def launch(self, function: Any, blocks: int, threads: int, arguments: bytes, name: str) -> None:
        """Queue a kernel, which errors call `name`: so many blocks of so many threads, with its
        arguments packed as a struct.

        This is what PyCUDA's prepared calls come down to, which take 2 us more.
        """
        grid = (blocks, 1)
        block = (threads, 1, 1)
        self.call(name, function._launch_kernel, grid, block, arguments, 0, self.stream)

    def settle(self, name: str) -> None:
        """Where `waits`, wait for a call that has been queued. Raises EngineError, with its name,
        if it fails."""
        if not self.waits:
            return
        try:
            self.stream.synchronize()
        except self.cuda.Error as error:
            raise self.failure(error, name) from error

    def check_thread(self) -> None:
        """Raises EngineError in another thread than the one that opened the GPU."""
        if threading.get_ident() != self.thread:
            found = threading.current_thread().name
            raise EngineError(
                "engine 'cuda' computes in the thread that opened the GPU; found a call from the "
                f"thread '{found}'. Make and run all nets in one thread"
            )

    def failure(self, error: Exception, name: str) -> EngineError:
        """What to say of an error of PyCUDA's in the call `name`."""
        self.check_thread()
        said = str(error).strip()
        if self.waits:
            return EngineError(f'{name} failed on the GPU: {said}')
        return EngineError(
            f'the GPU has failed: {said}. It says so late: {WAIT}=1 waits after each call, and '
            'names the kernel and the layer'
        )
