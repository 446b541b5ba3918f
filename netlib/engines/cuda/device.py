"""The GPU that this process uses. Only the driver is imported before it is opened."""

import functools
import os
from typing import Any

from ...errors import EngineError, GoodinitError
from .driver import driver


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
