"""Engines: who computes. Layers own calculus and shapes; engines own loops.

interface.py documents the ops, reference.py defines them in NumPy, checked.py wraps any engine and
watches it. Imports memory, shapes and errors; knows no layer.
"""
from ..errors import EngineError, meant
from .interface import Engine


def make_engine(name: str = 'reference', **options) -> Engine:
    """The engine of a name: 'reference', 'fast', 'cuda', or 'checked:<name>'.

    Options: dtype (float32 or, for `reference`, float64).
    """
    if name.startswith('checked'):
        from .checked import Checked
        return Checked(make_engine(name.partition(':')[2] or 'reference', **options))
    if name == 'reference':
        from .reference import Reference
        return Reference(**options)
    if name == 'fast':
        from .fast import Fast
        return Fast(**options)
    if name == 'cuda':
        from .cuda import Cuda
        return Cuda(**options)
    raise EngineError(f"unknown engine '{name}'{meant(name, ENGINES)} (known: {', '.join(ENGINES)}, "
                      f"and checked:NAME)")


ENGINES = ('reference', 'fast', 'cuda')
__all__ = ['ENGINES', 'Engine', 'make_engine']
