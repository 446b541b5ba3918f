"""Kernels that note how they are called, to be called again with nothing left to convert."""

import ctypes
import functools
from collections.abc import Callable
from typing import Any

from ..functions import Functions
from . import native
from .declarations import Kernels

Calls = list[Callable[[], Any]]
PLAIN = (ctypes.c_long, ctypes.c_float, ctypes.c_uint32)


class NotingKernels:
    """Stands for kernels while an op runs. Each kernel runs as usual and adds a call to `calls`
    that runs it again, on the same arrays; by_numpy: whether anything else computes, too."""

    def __init__(self, kernels: Kernels):
        self.kernels = kernels
        self.calls: Calls = []
        self.by_numpy = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.kernels, name)
        if isinstance(found, Functions):
            return NotedTable(found, self.calls)
        return Noted(found, self.calls)


class NotedTable:
    """A table of kernels, each of which notes its calls."""

    def __init__(self, kernels: Functions[Any], calls: Calls):
        self.kernels, self.calls = kernels, calls

    def __getitem__(self, name: str) -> 'Noted':
        return Noted(self.kernels[name], self.calls)


class Noted:
    """A kernel that notes its calls."""

    def __init__(self, kernel: Any, calls: Calls):
        self.kernel, self.calls = kernel, calls
        self.address = kernel.address  # which a block calls, and notes itself

    def __call__(self, *arguments: Any) -> Any:
        pairs = zip(self.kernel.argtypes, arguments, strict=True)
        ready = [converted(kind, argument) for kind, argument in pairs]
        self.calls.append(functools.partial(unchecked(self.kernel.__name__), *ready))
        return self.kernel(*arguments)


@functools.cache
def unchecked(name: str) -> Any:
    """The C function itself: it takes arguments that are C's, and nothing looks at its result."""
    function = native.library()[name]
    function.restype = None
    return function


def converted(kind: Any, argument: Any) -> Any:
    """An argument as C takes it, which keeps alive what it points to."""
    if argument is None:
        return ctypes.c_void_p()
    if kind in PLAIN:
        return kind(argument)
    made = kind.from_param(argument)
    if isinstance(made, ctypes.c_void_p):
        vars(made)['array'] = argument
    return made
