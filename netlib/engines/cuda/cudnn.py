"""cuDNN through ctypes: the library, a handle, and its errors."""

import ctypes
import functools
from ctypes import byref, c_char_p, c_double, c_int, c_size_t, c_void_p
from typing import Any

from ...errors import EngineError
from .device import open_device
from .gpu import Gpu, status_text
from .libraries import load_library

RELU, PROPAGATE_NAN = 1, 1  # of cudnn.h
INSTALL = 'pip install nvidia-cudnn-cu13 (or -cu12, for CUDA 12)'
REPAIR = f'{INSTALL}, or remove it: convolutions then go by im2col and cuBLAS'


class Cudnn:
    """A cuDNN handle that computes in the stream of a device.

    Raises NotInstalled if cuDNN is not installed, EngineError if it is but does not load or start.
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
            raise EngineError(f'cuDNN failed: cudnn{name} gave {status_text(status, text)}')

    @functools.cached_property
    def relu(self) -> c_void_p:
        """The descriptor of a ReLU that lets NaN pass."""
        made = c_void_p()
        self.call('CreateActivationDescriptor', byref(made))
        self.call('SetActivationDescriptor', made, c_int(RELU), c_int(PROPAGATE_NAN), c_double(0))
        return made

    def version(self) -> str:
        """'9.10.2', of the number 91002; before 9 a thousand separated the major version."""
        number = self.library.cudnnGetVersion()
        major, rest = divmod(number, 10000 if number >= 90000 else 1000)
        return f'{major}.{rest // 100}.{rest % 100}'


def load_cudnn() -> ctypes.CDLL:
    """The library. Raises NotInstalled, or EngineError if it does not load."""
    missing = (
        f'engine: CUDNN needs cuDNN, which was not found: {INSTALL}, or remove the field engine'
    )
    library = load_library('cudnn', 'cuDNN', missing, REPAIR)
    library.cudnnGetErrorString.restype = c_char_p
    library.cudnnGetVersion.restype = c_size_t
    return library


@functools.cache
def open_cudnn() -> Cudnn:
    """The handle that all engines share."""
    return Cudnn(open_device())
