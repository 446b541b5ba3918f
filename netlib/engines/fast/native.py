"""The compiled library: plain C functions, one for each kernel and instruction set, called by
ctypes as declared in declarations.py."""

import ctypes
import functools
import os
import pathlib
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

import numpy as np

from ...errors import EngineError
from ...machine import most_memory
from ..functions import Functions

LIBRARY = pathlib.Path(__file__).with_name('_kernels.so')
Stub = TypeVar('Stub', bound=Callable[..., Any])


class NoKernels(EngineError):
    """There is no library, or it cannot be loaded."""


@functools.cache
def library() -> ctypes.CDLL:
    """The library, loaded at first use. Raises NoKernels."""
    if not LIBRARY.exists():
        raise NoKernels(
            'no compiled kernels (goodinit was installed without a C++ compiler): install g++, '
            'then goodinit again'
        )
    # By default, a waiting thread of GNU's OpenMP spins for milliseconds, which on a busy machine
    # keeps the thread that it waits for from running. One that sleeps at once has to be woken for
    # the next kernel: with so many spins it is still awake, and an image through FitNet-4 takes 2.2
    # ms instead of 3.6 (with 1000). OpenMP reads this once, when it is loaded.
    if 'OMP_WAIT_POLICY' not in os.environ:
        os.environ.setdefault('GOMP_SPINCOUNT', '30000')
    try:
        loaded = ctypes.CDLL(str(LIBRARY))
    except OSError as error:
        lacks_openmp = 'libgomp' in str(error)
        way_out = 'apt install libgomp1' if lacks_openmp else 'install goodinit again'
        raise NoKernels(f'the compiled kernels cannot be loaded ({error}): {way_out}') from error
    _long(loaded, 'memory_limit').value = most_memory()
    # A child of fork has none of OpenMP's other threads, and would wait for them forever.
    if hasattr(os, 'register_at_fork'):
        os.register_at_fork(after_in_child=_symbol(loaded, 'use_one_thread'))
    return loaded


@functools.cache
def refused() -> ctypes.c_long:
    """The library's flag for a kernel that got no memory."""
    return _long(library(), 'refused')


def _long(loaded: ctypes.CDLL, name: str) -> ctypes.c_long:
    """A C long of the library, that Python may set."""
    _symbol(loaded, name)
    return ctypes.c_long.in_dll(loaded, name)


def _symbol(loaded: ctypes.CDLL, name: str) -> Any:
    """A function (or anything else) of the library. Raises EngineError if the library is too old to
    have it."""
    try:
        return loaded[name]
    except AttributeError as error:
        raise EngineError(
            f"engine 'fast': the compiled kernels lack '{name.partition('_')[2] or name}' because "
            'they are older than goodinit: install goodinit again'
        ) from error


def check_memory(result: Any, function: Any, arguments: Any) -> Any:
    """What ctypes calls after a kernel. Raises EngineError if the kernel got no memory."""
    check_refused(f"kernel '{function.kernel}'")
    return result


def check_refused(kernel: str) -> None:
    """Raises EngineError if a kernel got no memory."""
    flag = refused()
    if flag.value:
        flag.value = 0
        raise EngineError(
            f"engine 'fast': {kernel} needs more memory than "
            f'this machine has left, {most_memory() / 1e9:.0f} GB in all: use a smaller batch, '
            'window or padding'
        )


# Instruction sets that have only what multiplies matrices, by a matrix unit, and the ones that they
# extend, which have the other kernels and the same ones without the unit.
EXTENDED = {'amx': 'avx512', 'amx_plain': 'avx512'}


def kernel_symbol(isa: str, name: str) -> Any:
    """The C function of a kernel for an instruction set. Raises EngineError if the library is too
    old to have it."""
    if isa in EXTENDED and not hasattr(library(), f'{isa}_{name}'):
        isa = EXTENDED[isa]
    return _symbol(library(), f'{isa}_{name}')


def instruction_sets() -> list[str]:
    """The instruction sets of this processor that have kernels, the best first."""
    function = library().instruction_sets
    function.restype = ctypes.c_char_p
    return function().decode().split()


# -- the types of arguments: Python's, and how ctypes converts them to C's


def address(array: Any) -> int:
    """The address of an array's first number."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # as below
    except (TypeError, ValueError):
        return array.ctypes.data


class AsAddress:
    """The address of an array's first number, null for None."""

    @staticmethod
    def from_param(array: Any) -> Any:
        if array is None:
            return None
        try:
            # Four times as fast as array.ctypes, but fails for read-only and for empty arrays.
            return ctypes.byref(ctypes.c_char.from_buffer(array))
        except (TypeError, ValueError):
            return ctypes.c_void_p(array.ctypes.data)


class AsIntegers(AsAddress):
    """The address of an array of C longs."""


class AsDoubles(AsAddress):
    """The address of an array of float64."""


class AsStruct:
    """Integers as a struct of C longs."""

    @staticmethod
    @functools.lru_cache(maxsize=4096)
    def from_param(values: tuple[int, ...]) -> Any:
        return (ctypes.c_long * len(values))(*values)


class AsParameters:
    """Up to three numbers as three C floats."""

    three = ctypes.c_float * 3

    @classmethod
    def from_param(cls, values: tuple[float, ...]) -> Any:
        return cls.three(*values)


class Step(ctypes.Structure):
    """struct Step of kernels/elementwise.hpp: a call of an elementwise kernel."""

    _fields_ = (
        ('kernel', ctypes.c_void_p),
        ('inputs', ctypes.c_void_p * 3),
        ('out', ctypes.c_void_p),
        ('parameters', ctypes.c_float * 4),
        ('n', ctypes.c_long),
    )


Array = Annotated[np.ndarray, AsAddress]
OptionalArray = Annotated[np.ndarray | None, AsAddress]
Integers = Annotated[np.ndarray, AsIntegers]
Doubles = Annotated[np.ndarray, AsDoubles]
Struct = Annotated[tuple[int, ...], AsStruct]
Parameters = Annotated[tuple[float, ...], AsParameters]
Long = Annotated[int, ctypes.c_long]
Flag = Annotated[bool, ctypes.c_long]
Word = Annotated[int, ctypes.c_uint32]
Float = Annotated[float, ctypes.c_float]
Steps = Annotated[ctypes.Array, ctypes.POINTER(Step)]


# -- declarations


class Declared:
    """A kernel as an attribute of Kernels: the C function with its name for their instruction set,
    looked up at first use."""

    def __init__(self, stub: Callable[..., Any], name: str = ''):
        self.name = name or stub.__name__
        types = dict(stub.__annotations__)
        self.result = c_type(types.pop('return'))
        self.arguments = [c_type(annotation) for annotation in types.values()]

    def __get__(self, kernels: Any, owner: type | None = None) -> Any:
        if kernels is None:
            return self
        function = self.function(kernels.isa)
        vars(kernels)[self.name] = function  # Python finds this one from now on
        return function

    def function(self, isa: str) -> Any:
        """The C function, with the name of its `kernel`, and its `address` for struct Step. Raises
        EngineError if the library is too old to have it."""
        function = kernel_symbol(isa, self.name)
        function.argtypes = self.arguments
        function.restype = self.result
        function.errcheck = check_memory
        function.kernel = self.name
        function.address = ctypes.cast(function, ctypes.c_void_p).value
        return function


class DeclaredTable:
    """Kernels of one signature, one for each elementwise function, as an attribute of Kernels: a
    table by the names of the functions."""

    def __init__(self, prefix: str, names: Iterable[str], stub: Callable[..., Any]):
        self.kernels = {name: Declared(stub, prefix + name) for name in names}

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, kernels: Any, owner: type | None = None) -> Any:
        if kernels is None:
            return self
        found = {name: kernel.function(kernels.isa) for name, kernel in self.kernels.items()}
        table = vars(kernels)[self.name] = Functions(found)
        return table


def kernel(stub: Stub) -> Stub:
    """Declares a C function by a method without a body: its name, arguments and result."""
    declared: Any = Declared(stub)
    return declared


def kernel_for_each(prefix: str, names: Iterable[str], stub: Stub) -> Functions[Stub]:
    """Declares a C function with the signature of `stub` for each elementwise function."""
    declared: Any = DeclaredTable(prefix, names, stub)
    return declared


def c_type(annotation: Any) -> Any:
    """The type to which ctypes converts."""
    return annotation.__metadata__[0] if annotation is not None else None
