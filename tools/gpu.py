"""The GPU that computes: one for all nets of the process, chosen by its number."""
import os

from ..netlib.engines import make_engine
from ..netlib.engines.cuda.device import open_device
from ..netlib.errors import EngineError, GoodinitError
from .console import say
from .prepare import CPU_ENGINE

GPU_ENGINE = 'cuda'


def use_gpu(number: int) -> str:
    """The engine that computes on the GPU of this number, among those that CUDA_VISIBLE_DEVICES lets through.

    Raises EngineError where there is none, or where the process has opened another one before.
    """
    os.environ['CUDA_DEVICE'] = str(number)         # PyCUDA looks there when it opens its first device
    try:
        make_engine(GPU_ENGINE)
    except GoodinitError as error:
        raise EngineError(f'GPU {number}: {error}') from error
    driver = open_device().cuda
    if number >= driver.Device.count() or driver.Context.get_device() != driver.Device(number):
        raise EngineError(f'GPU {number}: found that this process computes on another one; needed: a process of its '
                          'own')
    return GPU_ENGINE


def gpu_if_any(number: int) -> str:
    """The engine of use_gpu, or where there is no GPU the CPU's, and a line that says so."""
    try:
        return use_gpu(number)
    except EngineError as error:
        say(f'no GPU can be used, the CPU computes ({error})')
        return CPU_ENGINE
