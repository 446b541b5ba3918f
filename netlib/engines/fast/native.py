"""The compiled kernels: a library of plain C functions, called by ctypes, once for each instruction set."""
import ctypes
import functools
import os
import pathlib
import sysconfig
from collections.abc import Callable

import numpy as np

from ...errors import EngineError, meant
from ..reference import Reference

LIBRARY = pathlib.Path(__file__).with_name('_kernels' + sysconfig.get_config_var('EXT_SUFFIX'))


def load() -> 'Kernels | None':
    """The kernels for this processor, or for the instruction set that the environment's GOODINIT_ISA names (avx512,
    avx2, baseline). None where setup.py has built none."""
    if not LIBRARY.exists():
        return None
    known = instruction_sets()
    wanted = os.environ.get('GOODINIT_ISA', known[0])
    if wanted not in known:
        raise EngineError(f"GOODINIT_ISA: unknown or not in this processor: '{wanted}'{meant(wanted, known)} "
                          f"(it has {', '.join(known)})")
    return Kernels(wanted)


def instruction_sets() -> list[str]:
    """Those for which there are kernels that this processor can run, the best first."""
    function = _library().instruction_sets
    function.restype = ctypes.c_char_p
    return function().decode().split()


@functools.cache
def _library():
    # GNU's OpenMP, unless told otherwise, lets a thread that waits spin for milliseconds, which on a busy machine keeps
    # the one that it waits for from running. It reads this once, when it is loaded.
    if 'OMP_WAIT_POLICY' not in os.environ:
        os.environ.setdefault('GOMP_SPINCOUNT', '1000')
    return ctypes.CDLL(str(LIBRARY))


class Kernels:
    """The kernels for one instruction set, as methods.

    Arrays arrive as the address of their first number, tuples of integers as arrays of C longs, integers as longs,
    floats as floats, None as null.
    """

    def __init__(self, isa: str):
        self.isa = isa

    def __getattr__(self, name: str) -> Callable[..., int]:
        function = getattr(_library(), f'{self.isa}_{name}')
        function.restype = ctypes.c_long
        def kernel(*arguments):
            return function(*map(_as_c, arguments))
        setattr(self, name, kernel)
        return kernel


def _as_c(value):
    if isinstance(value, np.ndarray):
        return ctypes.c_void_p(value.__array_interface__['data'][0])
    if isinstance(value, tuple):
        return (ctypes.c_long * len(value))(*value)
    return value if value is None else (ctypes.c_float if isinstance(value, float) else ctypes.c_long)(value)


def or_reference(op):
    """An op by kernels. Where there are none, or where it returns NotImplemented, it is the reference's op."""
    plain = getattr(Reference, op.__name__)
    @functools.wraps(op)
    def call(self, *inputs, **outputs):
        if self.kernels is None or op(self, *inputs, **outputs) is NotImplemented:
            plain(self, *inputs, **outputs)
    return call
