"""The fast engine: the reference engine with C++ kernels (kernels/, one idea per file) for the hot
ops.

A kernel handles float32 and the common shapes; the reference engine does the rest. Each file here
has one family of ops. Without kernels, this is the reference engine.
"""

import os
import warnings
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ...errors import EngineError, did_you_mean
from ..calling import Method
from ..interface import Engine
from ..reference import Reference
from . import native
from .arithmetic import Arithmetic
from .composed import Composed
from .convolution import Convolution
from .declarations import Kernels
from .normalization import Normalization
from .noting import NotingKernels
from .pooling import Pooling

# As benchmarks/without_kernels.py measures it.
TIMES_SLOWER = '3 to 6 times slower'
# Ops that only call kernels, or leave everything to the reference engine.
OF_KERNELS = {
    *('fill', 'copy', 'axpby', 'unary', 'unary_backward', 'binary', 'copy_window'),
    *('sum', 'dot', 'gemm', 'max_forward', 'max_backward'),
    *('conv_forward', 'conv_backward_data', 'conv_backward_weights'),
    *('pool_max_forward', 'pool_mask_backward', 'pool_ave_forward', 'pool_ave_backward'),
    *('lrn_forward', 'lrn_backward', 'softmax_forward', 'softmax_backward'),
    *('scale_shift', 'scale_shift_backward'),
}


class Fast(Arithmetic, Composed, Convolution, Pooling, Normalization):
    """exact: without Winograd's transforms and without matrix units, whose rounding errors, about
    1e-5 of the largest value, are some ten times those of a plain sum of float32."""

    can_record = True

    def __init__(self, kernels: Kernels, exact: bool = False):
        super().__init__(np.float32)
        self.name = engine_name(exact)
        self.kernels = kernels
        self.exact = exact

    def record(self, method: Method, read: list[Any], written: dict[str, Any]) -> None:
        kernels: Any = self.kernels
        recorder = self.recorder
        if isinstance(kernels, NotingKernels):  # an op of the op that is recorded
            kernels.by_numpy |= is_of_reference(method)
            method(self, *read, **written)
            return
        if recorder is None or method.__name__ not in OF_KERNELS:
            super().record(method, read, written)
            return
        noting: Any = NotingKernels(kernels)
        self.kernels = noting
        try:
            method(self, *read, **written)
        finally:
            self.kernels = kernels
        if noting.by_numpy or not noting.calls:
            recorder.append(partial(method, self, *read, **written))
        else:
            recorder += noting.calls

    def release(self) -> None:
        self.kernels.release()

    def check_repeated(self) -> None:
        native.check_refused('a kernel')


def is_of_reference(method: Method) -> bool:
    """Whether this is the reference engine's implementation of an op."""
    return vars(getattr(Reference, method.__name__)).get('__wrapped__') is method


def fast_engine(dtype: DTypeLike = np.float32, exact: bool = False) -> Reference:
    """The fast engine. For a dtype other than float32, or without compiled kernels, this is the
    reference engine under another name; a warning says if kernels are missing."""
    if np.dtype(dtype) == np.float32:
        try:
            return Fast(load(exact), exact)
        except native.NoKernels as error:
            warnings.warn(
                f'engine fast: {error}. Until then NumPy computes, {TIMES_SLOWER}', stacklevel=3
            )
    engine = Reference(dtype)
    engine.name = engine_name(exact)
    return engine


def engine_name(exact: bool) -> str:
    return 'exact' if exact else 'fast'


def load(exact: bool = False) -> Kernels:
    """The kernels for this processor, or for the instruction set (amx, avx512, avx2, baseline) in
    the environment variable GOODINIT_ISA; `exact` ones use no matrix unit. Raises NoKernels, and
    EngineError for an instruction set that this processor lacks."""
    known = native.instruction_sets()
    wanted = os.environ.get('GOODINIT_ISA', known[0])
    if wanted not in known:
        raise EngineError(
            f"GOODINIT_ISA: this processor does not have '{wanted}'"
            f'{did_you_mean(wanted, known)} (it has {", ".join(known)})'
        )
    return Kernels(native.EXTENDED.get(wanted, wanted) if exact else wanted)


def kernels_of(engine: Engine | None, exact: bool = False) -> Kernels | None:
    """The kernels of an engine, or without one those at hand; None if there are none. `exact` ones
    use no matrix unit."""
    if engine is not None and not hasattr(engine, 'kernels'):
        return None
    try:
        return load(exact or getattr(engine, 'exact', False))
    except native.NoKernels:
        return None
