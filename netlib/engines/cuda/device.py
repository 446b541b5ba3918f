"""Which GPU this process computes on. Nothing else of CUDA is imported before it is opened."""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...errors import EngineError, GoodinitError, import_extra


@functools.cache
def open_device() -> Any:
    """The Gpu of this process. Raises EngineError if there is no usable one."""
    from .gpu import Gpu

    return Gpu()


def use_gpu(number: int) -> None:
    """Let this process compute on the GPU with this number, among those that CUDA_VISIBLE_DEVICES
    shows.

    Raises EngineError if there is no such GPU, or if the process already computes on another one.
    """
    if not open_device.cache_info().currsize:
        os.environ['CUDA_DEVICE'] = str(number)
    try:
        cuda = open_device().cuda
    except GoodinitError as error:
        raise EngineError(f'GPU {number}: {error}') from error
    if not 0 <= number < cuda.Device.count() or cuda.Context.get_device() != cuda.Device(number):
        raise EngineError(
            f'GPU {number}: this process already computes on another one; use a process of its own'
        )


def gpu_count() -> int:
    """The number of GPUs. Raises EngineError if there is no usable one."""
    return driver().Device.count()


def driver() -> Any:
    """pycuda.driver, which knows the GPUs. Raises EngineError if there is no usable one."""
    import_extra('pycuda', 'cuda')
    with no_gpu_said():
        import pycuda.driver

        pycuda.driver.init()
    return pycuda.driver


@contextmanager
def no_gpu_said() -> Iterator[None]:
    """Turns what PyCUDA raises without a GPU into an EngineError."""
    try:
        yield
    # PyCUDA defines its errors in pycuda.driver, and importing that may be what fails.
    except Exception as error:
        raise EngineError(
            f"engine 'cuda' finds no GPU ({str(error).strip()}): it needs one by NVIDIA, with its "
            "driver; the engines 'fast' and 'reference' need none"
        ) from error
