"""cuDNN through ctypes: the library, a handle, and its errors."""

import ctypes
import functools
from ctypes import byref, c_char_p, c_int, c_size_t, c_void_p
from typing import Any

from ...errors import EngineError, import_extra
from .device import open_device
from .gpu import Gpu

INSTALL = 'pip install nvidia-cudnn-cu13 (or -cu12, for CUDA 12)'
REPAIR = f'{INSTALL}, or remove it: convolutions then go by im2col and cuBLAS'


class NoCudnn(EngineError):
    """cuDNN is not installed."""


class Cudnn:
    """A cuDNN handle that computes in the stream of a device.

    Raises NoCudnn if cuDNN is not installed, EngineError if it is but does not load or start.
    """

    def __init__(self, device: Gpu):
        self.library = load_cudnn()
        self.device = device
        self.handle = c_void_p()
        try:
            self.call('Create', byref(self.handle))
        except EngineError as error:
            path = self.library._name
            raise EngineError(f'cuDNN ({path}) does not start: {error}. {REPAIR}') from error
        self.call('SetStream', self.handle, c_void_p(device.stream.handle))

    def call(self, name: str, *arguments: Any) -> None:
        """Call cudnn<name>. Raises EngineError if that fails, or if this cuDNN lacks it."""
        try:
            function = getattr(self.library, f'cudnn{name}')
        except AttributeError as error:
            raise EngineError(f'cuDNN {self.version()} has no cudnn{name}') from error
        status = function(*arguments)
        if status:
            text = self.library.cudnnGetErrorString(c_int(status)).decode()
            raise EngineError(f'cuDNN failed: cudnn{name} gave status {status} ({text})')

    def version(self) -> str:
        """'9.10.2', of the number 91002; before 9 a thousand separated the major version."""
        number = self.library.cudnnGetVersion()
        major, rest = divmod(number, 10000 if number >= 90000 else 1000)
        return f'{major}.{rest // 100}.{rest % 100}'


def load_cudnn() -> ctypes.CDLL:
    """The library. Raises NoCudnn if there is none, EngineError if it does not load."""
    finder: Any = import_extra('cuda.pathfinder', 'cuda')
    try:
        library = ctypes.CDLL(finder.load_nvidia_dynamic_lib('cudnn').abs_path)
    except finder.DynamicLibNotFoundError as error:
        raise NoCudnn(
            f'engine: CUDNN needs cuDNN, which was not found: {INSTALL}, or remove the field engine'
        ) from error
    except (OSError, RuntimeError) as error:  # what ctypes and the finder raise
        raise EngineError(f'cuDNN was found, but does not load: {error}. {REPAIR}') from error
    library.cudnnGetErrorString.restype = c_char_p
    library.cudnnGetVersion.restype = c_size_t
    return library


@functools.cache
def open_cudnn() -> Cudnn:
    """The handle that all engines share."""
    return Cudnn(open_device())
