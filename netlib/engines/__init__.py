"""Engines compute: layers own calculus and shapes, engines own loops.

interface.py declares the ops, reference/ defines them in NumPy, fast/ and cuda/ compute them
quickly, and checked.py watches any of these. Engines import memory, shapes and errors; they do not
depend on layers.
"""

from typing import Any

from ..errors import EngineError, did_you_mean
from .interface import Engine

ENGINES = ('reference', 'fast', 'exact', 'cuda', 'cuda-tf32')
CHECKED = 'checked'
__all__ = ['ENGINES', 'Engine', 'make_engine']


def make_engine(name: str = 'fast', *, deterministic: bool = False, **options: Any) -> Engine:
    """The engine with this name: one of ENGINES, or 'checked:<name>'. 'exact' is 'fast' without
    Winograd's transforms, 'cuda-tf32' is 'cuda' with tf32=True.

    deterministic: compute the same bits every time, as the CPU engines always do.
    options: dtype (float32 or, except for `cuda`, float64), and the options of Cuda.
    Raises EngineError for an unknown name, and for `cuda` without a GPU.
    """
    if name.startswith(CHECKED):
        from .checked import Checked

        inner = name.partition(':')[2] or 'reference'
        return Checked(make_engine(inner, deterministic=deterministic, **options))
    if name == 'reference':
        from .reference import Reference

        return Reference(**options)
    if name in ('fast', 'exact'):
        from .fast import fast_engine

        return fast_engine(exact=name == 'exact', **options)
    if name in ('cuda', 'cuda-tf32'):
        from .cuda.engine import Cuda

        if name == 'cuda-tf32':
            options['tf32'] = True
        return Cuda(deterministic=deterministic, **options)
    raise EngineError(
        f"unknown engine '{name}'{did_you_mean(name, ENGINES)} "
        f'(known: {", ".join(ENGINES)}, and {CHECKED}:NAME)'
    )
