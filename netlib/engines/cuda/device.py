"""The device: its memory, and how a kernel of kernels is found, compiled and launched."""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import EngineError, GoodinitError, import_extra
from ...shapes import Shape
from .pool import Allocation, Pool
from .uploads import Uploads

KERNELS = Path(__file__).parent / 'kernels'
THREADS = 256  # of a block, as MAX_THREADS in common.cuh
MOST_THREADS = 2**31 - THREADS  # of a launch: kernels count their threads by an int


@dataclass(frozen=True, slots=True)
class DeviceArray:
    """What an op receives for a tensor: where its float32 numbers begin on the device, and its
    shape."""

    address: int
    shape: Shape

    @property
    def size(self) -> int:
        return prod(self.shape)

    def __getitem__(self, i: int) -> 'DeviceArray':
        """The i-th part along the first axis."""
        rest = self.shape[1:]
        return DeviceArray(self.address + 4 * range(self.shape[0])[i] * prod(rest), rest)


class Device:
    """The process's GPU. All computation runs in one stream, in the order of the calls; only a
    download waits for it.

    For Memory it is the driver: allocate, clear, upload, download. `pool` knows how much memory is
    in use, and was.
    """

    cuda: Any  # pycuda.driver

    def __init__(self):
        self.cuda = driver()
        with no_gpu_said():
            import pycuda.autoprimaryctx  # noqa: F401  (opens the GPU whose number is in CUDA_DEVICE, or the first)
        self.pool, self.stream = Pool(self.cuda), self.cuda.Stream()
        self._uploads = Uploads(self.cuda, self.pool, self.stream)
        self._scratch: dict[str, Allocation] = {}
        self._functions: dict[tuple[str, str], Any] = {}
        self.fault = self.scratch(
            'fault', 8
        )  # what kernels find wrong: (a label, the number of classes)
        self.clear(self.fault, 8)

    # -- memory

    def allocate(self, size: int) -> Allocation:
        """`size` bytes, of any values, given back when the last reference goes. Raises EngineError."""
        return self.pool.allocate(size)

    def clear(self, allocation, size: int) -> None:
        if size:
            self.cuda.memset_d8_async(int(allocation), 0, size, self.stream)

    def upload(self, host: np.ndarray, allocation) -> None:
        """Copy, without waiting for the device (uploads.py)."""
        if host.size:
            self._uploads(host, int(allocation))

    def download(self, allocation, host: np.ndarray) -> None:
        """Wait for all results, and copy. Raises EngineError for what a kernel has found wrong
        since the last time."""
        if host.size:
            self.cuda.memcpy_dtoh_async(host, int(allocation), self.stream)
            self.check()

    def check(self) -> None:
        found = np.zeros(2, np.int32)
        self.cuda.memcpy_dtoh_async(found, self.fault, self.stream)
        self.stream.synchronize()
        label, classes = found.tolist()
        if classes:
            self.clear(self.fault, 8)
            raise EngineError(
                f'found the label {label}: labels must lie in 0 .. {classes - 1}, '
                f'for as many classes as the scores have ({classes})'
            )

    def scratch(self, use: str, size: int) -> int:
        """The address of at least `size` bytes for one use within an op; the next op of that use
        overwrites them."""
        if use not in self._scratch or self._scratch[use].size < size:
            self._scratch.pop(use, None)  # given back first
            self._scratch[use] = self.allocate(size)
        return int(self._scratch[use])

    def integers(self, values) -> DeviceArray:
        """A few int32 on the device, for the op that is being called."""
        values = np.ascontiguousarray(values, np.int32)
        address = self.scratch('integers', values.nbytes)
        self.upload(values.reshape(-1), address)
        return DeviceArray(address, values.shape)

    # -- kernels

    def per_element(self, family: str, kernel: str, n: int, *arguments) -> None:
        """Launch a kernel with one thread for each of n elements; n is its first argument."""
        if n >= MOST_THREADS:
            raise EngineError(
                f"engine 'cuda' computes on at most {MOST_THREADS - 1} numbers at a time; found {n}. "
                'Use a smaller batch'
            )
        self._launch(family, kernel, -(-n // THREADS), THREADS, n, *arguments)

    def per_block(self, family: str, kernel: str, blocks: int, terms: int, *arguments) -> None:
        """Launch a kernel with a block for each of its results, in it a thread for each term, up to
        THREADS of them."""
        self._launch(
            family, kernel, blocks, min(THREADS, 1 << max(terms - 1, 31).bit_length()), *arguments
        )

    def _launch(self, family, kernel, blocks, threads, *arguments):
        if blocks:
            function = self._functions.get((family, kernel)) or self._find(family, kernel)
            function(
                *map(argument, arguments),
                grid=(blocks, 1),
                block=(threads, 1, 1),
                stream=self.stream,
            )

    def _find(self, family, kernel):
        try:
            self._functions[family, kernel] = found = compiled(family).get_function(kernel)
        except self.cuda.LogicError as error:
            raise EngineError(
                f"kernel '{kernel}' is not in {family}.cu of engine 'cuda'"
            ) from error
        return found


@functools.cache
def open_device() -> Device:
    """The device of this process; all engines share it."""
    return Device()


def use_gpu(number: int) -> None:
    """Let this process compute on the GPU of a number, among those that CUDA_VISIBLE_DEVICES lets
    through.

    Raises EngineError where there is none, or where the process computes on another one already.
    """
    if not open_device.cache_info().currsize:
        os.environ['CUDA_DEVICE'] = str(number)
    try:
        cuda = open_device().cuda
    except GoodinitError as error:
        raise EngineError(f'GPU {number}: {error}') from error
    if not 0 <= number < cuda.Device.count() or cuda.Context.get_device() != cuda.Device(number):
        raise EngineError(
            f'GPU {number}: found that this process computes on another one; needed: a process of its '
            'own'
        )


def gpu_count() -> int:
    """How many GPUs there are. Raises EngineError where there is none."""
    return driver().Device.count()


def driver() -> Any:
    """pycuda.driver, which knows the GPUs. Raises EngineError where there is none."""
    import_extra('pycuda', 'cuda')
    with no_gpu_said():
        import pycuda.driver

        pycuda.driver.init()
    return pycuda.driver


@contextmanager
def no_gpu_said() -> Iterator[None]:
    """What PyCUDA raises where it finds no GPU, as an EngineError."""
    try:
        yield
    except (
        Exception
    ) as error:  # PyCUDA defines its errors in pycuda.driver, which may be what fails
        raise EngineError(
            f"engine 'cuda' finds no GPU ({str(error).strip()}): it needs one by NVIDIA, with its "
            "driver; the engines 'fast' and 'reference' need none"
        ) from error


@functools.cache
def compiled(family: str):
    """The module of kernels made of one .cu file."""
    compiler: Any = import_extra('pycuda.compiler', 'cuda')
    source = ''.join(
        f'#line 1 "{path.as_posix()}"\n{path.read_text()}\n'
        for path in (KERNELS / 'common.cuh', KERNELS / f'{family}.cu')
    )
    try:
        return compiler.SourceModule(source)
    except OSError as error:
        raise EngineError(
            f"engine 'cuda' needs nvcc to compile its kernels: {error}. "
            'Install the CUDA toolkit, or put its folder bin on the PATH'
        ) from error


def argument(value):
    """A value as what PyCUDA hands to a kernel: float, int, a pointer (null for None); NumPy values
    go as they are."""
    if isinstance(value, DeviceArray):
        return np.uintp(value.address)
    if value is None:
        return np.uintp(0)
    if isinstance(value, float):
        return np.float32(value)
    return np.int32(value) if isinstance(value, int) else value
