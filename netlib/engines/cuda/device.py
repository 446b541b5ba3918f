"""The GPU that this process uses. No other CUDA module is imported before it is opened."""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...errors import EngineError, GoodinitError, import_extra


@functools.cache
def open_device() -> Any:
    """The Gpu of this process. Raises EngineError if there is no usable GPU."""
    from .gpu import Gpu

    return Gpu()


def use_gpu(number: int) -> None:
    """Choose the GPU for this process, by its number among those in CUDA_VISIBLE_DEVICES.

    Raises EngineError if there is no such GPU, or if the process already uses another one.
    """
    if not open_device.cache_info().currsize:
        os.environ['CUDA_DEVICE'] = str(number)
    try:
        cuda = open_device().cuda
    except GoodinitError as error:
        raise EngineError(f'GPU {number}: {error}') from error
    if not 0 <= number < cuda.Device.count() or cuda.Context.get_device() != cuda.Device(number):
        raise EngineError(
            f'GPU {number}: this process already uses another GPU; start a separate process'
        )


def gpu_count() -> int:
    """The number of GPUs. Raises EngineError if there is no usable GPU."""
    return driver().Device.count()


def driver() -> Any:
    """The module pycuda.driver, initialized. Raises EngineError if there is no usable GPU."""
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
    # PyCUDA defines its errors in pycuda.driver, and importing that module may fail.
    except Exception as error:
        raise EngineError(
            f"engine 'cuda' found no GPU ({str(error).strip()}): it needs an NVIDIA GPU and its "
            "driver; the engines 'fast' and 'reference' need no GPU"
        ) from error
