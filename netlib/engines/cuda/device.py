"""Which GPU this process computes on. Nothing of CUDA is imported before one is asked for."""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...errors import EngineError, GoodinitError, import_extra


@functools.cache
def open_device() -> Any:
    """The Gpu of this process. Raises EngineError where there is none."""
    from .gpu import Gpu

    return Gpu()


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
            f'GPU {number}: this process already computes on another one; use a process of its own'
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
    # PyCUDA defines its errors in pycuda.driver, and importing that may be what fails.
    except Exception as error:
        raise EngineError(
            f"engine 'cuda' finds no GPU ({str(error).strip()}): it needs one by NVIDIA, with its "
            "driver; the engines 'fast' and 'reference' need none"
        ) from error
