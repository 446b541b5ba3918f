"""The device: its memory, and how a kernel of ../kernels is found, compiled and launched."""
import functools
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import EngineError, need
from ...shapes import Shape
from .cublas import Cublas

KERNELS = Path(__file__).parent.parent / 'kernels'
THREADS = 256                           # of a block, as MAX_THREADS in common.cuh
MOST_THREADS = 2 ** 31 - THREADS        # of a launch: kernels count their threads by an int


@dataclass(frozen=True, slots=True)
class DeviceArray:
    """What an op receives for a tensor: where its float32 numbers begin on the device, and its shape."""
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
    """The first GPU. Everything runs in one stream, in the order of the calls; only a download waits for the results.

    For Memory it is the driver: allocate, clear, upload, download.
    """

    cuda: Any                           # pycuda.driver

    def __init__(self):
        need('pycuda', 'cuda')
        try:
            import pycuda.autoprimaryctx
            import pycuda.driver
        except Exception as error:          # PyCUDA defines its errors in pycuda.driver, which may be what fails
            raise EngineError(f"engine 'cuda' finds no GPU ({str(error).strip()}): it needs one by NVIDIA, with its "
                              "driver; the engines 'fast' and 'reference' need none") from error
        self.cuda = pycuda.driver
        self._scratch: dict[str, tuple[Any, int]] = {}
        self._functions: dict[tuple[str, str], Any] = {}
        self.fault = self.scratch('fault', 8)       # what kernels find wrong: (a label, the number of classes)
        self.cuda.memset_d8(self.fault, 0, 8)

    # -- memory ---------------------------------------------------------------------------------------

    def allocate(self, size: int):
        """`size` bytes, of any values, given back when the last reference goes."""
        try:
            return self.cuda.mem_alloc(max(size, 1))
        except self.cuda.MemoryError as error:
            free, total = self.cuda.mem_get_info()
            raise EngineError(f'the GPU has no room for {size / 1e6:.0f} MB more: {free / 1e6:.0f} of '
                              f'{total / 1e6:.0f} MB are free. Use a smaller batch') from error

    def clear(self, allocation, size: int) -> None:
        if size:
            self.cuda.memset_d8(allocation, 0, size)

    def upload(self, host: np.ndarray, allocation) -> None:
        if host.size:
            self.cuda.memcpy_htod(allocation, host)

    def download(self, allocation, host: np.ndarray) -> None:
        """Wait for all results, and copy. Raises EngineError for what a kernel has found wrong since the last time."""
        if host.size:
            self.cuda.memcpy_dtoh(host, allocation)
            self.check()

    def check(self) -> None:
        found = np.zeros(2, np.int32)
        self.cuda.memcpy_dtoh(found, self.fault)
        label, classes = found.tolist()
        if classes:
            self.cuda.memset_d8(self.fault, 0, 8)
            raise EngineError(f'found the label {label}: labels must lie in 0 .. {classes - 1}, '
                              f'for as many classes as the scores have ({classes})')

    def scratch(self, use: str, size: int) -> int:
        """The address of at least `size` bytes for one use within an op; the next op of that use overwrites them."""
        if use not in self._scratch or self._scratch[use][1] < size:
            self._scratch.pop(use, None)            # given back first
            self._scratch[use] = self.allocate(size), size
        return int(self._scratch[use][0])

    def integers(self, values) -> DeviceArray:
        """A few int32 on the device, for the op that is being called."""
        values = np.ascontiguousarray(values, np.int32)
        address = self.scratch('integers', values.nbytes)
        self.upload(values, address)
        return DeviceArray(address, values.shape)

    @functools.cached_property
    def blas(self) -> Cublas:
        return Cublas()

    # -- kernels --------------------------------------------------------------------------------------

    def per_element(self, family: str, kernel: str, n: int, *arguments) -> None:
        """Launch a kernel with one thread for each of n elements; n is its first argument."""
        if n >= MOST_THREADS:
            raise EngineError(f"engine 'cuda' computes on at most {MOST_THREADS - 1} numbers at a time; found {n}. "
                              'Use a smaller batch')
        self._launch(family, kernel, -(-n // THREADS), THREADS, n, *arguments)

    def per_block(self, family: str, kernel: str, blocks: int, terms: int, *arguments) -> None:
        """Launch a kernel with a block for each of its results, in it a thread for each term, up to THREADS of them."""
        self._launch(family, kernel, blocks, min(THREADS, 1 << max(terms - 1, 31).bit_length()), *arguments)

    def _launch(self, family, kernel, blocks, threads, *arguments):
        if blocks:
            function = self._functions.get((family, kernel)) or self._find(family, kernel)
            function(*map(argument, arguments), grid=(blocks, 1), block=(threads, 1, 1))

    def _find(self, family, kernel):
        try:
            self._functions[family, kernel] = found = compiled(family).get_function(kernel)
        except self.cuda.LogicError as error:
            raise EngineError(f"kernel '{kernel}' is not in {family}.cu of engine 'cuda'") from error
        return found


@functools.cache
def open_device() -> Device:
    """The device of this process; all engines share it."""
    return Device()


@functools.cache
def compiled(family: str):
    """The module of kernels made of one .cu file."""
    compiler: Any = need('pycuda.compiler', 'cuda')
    source = ''.join(f'#line 1 "{path.as_posix()}"\n{path.read_text()}\n'
                     for path in (KERNELS / 'common.cuh', KERNELS / f'{family}.cu'))
    try:
        return compiler.SourceModule(source)
    except OSError as error:
        raise EngineError(f"engine 'cuda' needs nvcc to compile its kernels: {error}. "
                          'Install the CUDA toolkit, or put its folder bin on the PATH') from error


def argument(value):
    """A value as what PyCUDA hands to a kernel: float, int, a pointer (null for None); NumPy values go as they are."""
    if isinstance(value, DeviceArray):
        return np.uintp(value.address)
    if value is None:
        return np.uintp(0)
    if isinstance(value, float):
        return np.float32(value)
    return np.int32(value) if isinstance(value, int) else value

