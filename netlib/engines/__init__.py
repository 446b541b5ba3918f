"""Engines: who computes. Layers own calculus and shapes; engines own loops.

interface.py documents the ops, reference.py defines them in NumPy, checked.py wraps any engine and
watches it. Imports memory, shapes and errors; knows no layer.
"""

from ..errors import EngineError, did_you_mean
from .interface import Engine


def make_engine(name: str = 'fast', *, deterministic: bool = False, **options) -> Engine:
    """The engine of a name: one of ENGINES, or 'checked:<name>'; 'exact' is 'fast' without
    Winograd's transforms.

    deterministic: the same bits each time; the engines of the CPU are that in any case.
    Options: dtype (float32 or, but for `cuda`, float64); those of Cuda.
    """
    if name.startswith('checked'):
        from .checked import Checked

        return Checked(
            make_engine(
                name.partition(':')[2] or 'reference', deterministic=deterministic, **options
            )
        )
    if name == 'reference':
        from .reference import Reference

        return Reference(**options)
    if name in ('fast', 'exact'):
        from .fast import Fast

        return Fast(exact=name == 'exact', **options)
    if name == 'cuda':
        from .cuda import Cuda

        return Cuda(deterministic=deterministic, **options)
    raise EngineError(
        f"unknown engine '{name}'{did_you_mean(name, ENGINES)} (known: {', '.join(ENGINES)}, and checked:NAME)"
    )


ENGINES = ('reference', 'fast', 'exact', 'cuda')
__all__ = ['ENGINES', 'Engine', 'make_engine']
