"""The compiled kernels: a library of plain C functions, called by ctypes, once for each instruction
set."""

import ctypes
import functools
import os
import pathlib
import sysconfig
from collections.abc import Callable, Sequence

import numpy as np

from ...errors import EngineError, did_you_mean
from ..reference import Reference

LIBRARY = pathlib.Path(__file__).with_name('_kernels' + sysconfig.get_config_var('EXT_SUFFIX'))


def load() -> 'Kernels | None':
    """The kernels for this processor, or for the instruction set that the environment's
    GOODINIT_ISA names (avx512, avx2, baseline). None where setup.py has built none."""
    if not LIBRARY.exists():
        return None
    known = instruction_sets()
    wanted = os.environ.get('GOODINIT_ISA', known[0])
    if wanted not in known:
        raise EngineError(
            f"GOODINIT_ISA: unknown or not in this processor: '{wanted}'{did_you_mean(wanted, known)} "
            f'(it has {", ".join(known)})'
        )
    return Kernels(wanted)


def instruction_sets() -> list[str]:
    """Those for which there are kernels that this processor can run, the best first."""
    function = _library().instruction_sets
    function.restype = ctypes.c_char_p
    return function().decode().split()


@functools.cache
def _library():
    # GNU's OpenMP, unless told otherwise, lets a thread that waits spin for milliseconds, which on
    # a busy machine keeps the one that it waits for from running. It reads this once, when it is
    # loaded.
    if 'OMP_WAIT_POLICY' not in os.environ:
        os.environ.setdefault('GOMP_SPINCOUNT', '1000')
    return ctypes.CDLL(str(LIBRARY))


class Kernels:
    """The kernels for one instruction set, as methods.

    Arrays arrive as the address of their first number, tuples of integers as arrays of C longs,
    lists of floats as arrays of C floats, integers as longs, floats as floats, None as null.
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

    def elementwise(
        self, name: str, inputs: Sequence[np.ndarray], parameters: Sequence[float], out: np.ndarray
    ) -> None:
        """Call a kernel of kernels/elementwise.hpp, unary.hpp or binary.hpp: up to three inputs
        and parameters."""
        a, b, c = (*inputs, None, None, None)[:3]
        getattr(self, name)(a, b, c, [float(p) for p in (*parameters, 0, 0, 0)[:3]], out, out.size)


class Steps:
    """In place of kernels, while elementwise ops are put off: `run` then computes them all block by
    block."""

    def __init__(self, kernels: Kernels):
        self.kernels = kernels
        self.calls: list[tuple] = []

    def elementwise(self, *call) -> None:
        self.calls.append(call)

    def run(self) -> None:
        if self.calls:
            steps = (_Step * len(self.calls))(*(self._step(*call) for call in self.calls))
            self.kernels.steps(steps, len(steps), max(call[-1].size for call in self.calls))

    def _step(self, name, inputs, parameters, out):
        kernel = ctypes.cast(getattr(_library(), f'{self.kernels.isa}_{name}'), ctypes.c_void_p)
        return _Step(
            kernel,
            tuple(array.ctypes.data for array in inputs),
            out.ctypes.data,
            tuple(parameters),
            out.size,
        )

    def __getattr__(self, name):
        raise EngineError(f'blockwise: {name} is not an elementwise op of tensors of one shape')


class _Step(ctypes.Structure):
    """struct Step of kernels/elementwise.hpp."""

    _fields_ = [
        ('kernel', ctypes.c_void_p),
        ('inputs', ctypes.c_void_p * 3),
        ('out', ctypes.c_void_p),
        ('parameters', ctypes.c_float * 4),
        ('n', ctypes.c_long),
    ]


def _as_c(value):
    kind = type(value)
    if kind is np.ndarray:
        return _address(value)
    if kind is tuple:
        return _longs(value)
    if kind is list:
        return (ctypes.c_float * len(value))(*value)
    if kind is int:
        return ctypes.c_long(value)
    return ctypes.c_float(value) if kind is float else value


def _address(array):
    try:
        return ctypes.byref(ctypes.c_char.from_buffer(array))  # four times as fast as array.ctypes,
    except (TypeError, ValueError):  # but not for arrays to be read only, or empty ones
        return ctypes.c_void_p(array.ctypes.data)


@functools.lru_cache(maxsize=4096)
def _longs(values):
    return (ctypes.c_long * len(values))(*values)


def or_reference(op):
    """An op by kernels. Where there are none, or where it returns NotImplemented, it is the
    reference's op."""
    plain = getattr(Reference, op.__name__)

    @functools.wraps(op)
    def call(self, *inputs, **outputs):
        if self.kernels is None or op(self, *inputs, **outputs) is NotImplemented:
            plain(self, *inputs, **outputs)

    return call
