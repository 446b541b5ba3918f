"""An engine that checks another engine. It checks shapes before each op. Afterwards, it looks for
unwritten elements, changed inputs, and NaN or infinity computed from finite numbers."""

import inspect
from collections.abc import Callable, Iterable
from math import isfinite
from types import EllipsisType
from typing import Any, Self

import numpy as np
from numpy import ndarray

from ..errors import EngineError
from ..memory import Tensor
from .calling import ADDING, OPS
from .interface import Engine
from .shape_rules import RULES

# The NaN that marks unwritten elements: no computation produces this payload.
POISON: dict[np.dtype, np.generic] = {
    np.dtype(np.float32): np.uint32(0x7FC0DEAD),
    np.dtype(np.float64): np.uint64(0x7FF800000000DEAD),
}
# Ops that may write where they read.
IN_PLACE = {
    'fill',
    'copy',
    'axpby',
    'unary',
    'unary_backward',
    'binary',
    'standardize',
    'standardize_backward',
    'scale_shift',
    'scale_shift_backward',
    'dropout',
    'rectify_backward',
    'normalize_batch',
    'normalize_batch_backward',
}
SIGNATURES = {op: inspect.signature(getattr(Engine, op)) for op in OPS}
Part = tuple[slice, ...] | EllipsisType


class Checked(Engine):
    """Any engine, plus an EngineError that names the op and the operand as soon as an op goes
    wrong.

    Outputs to be overwritten are first filled with a marked NaN, which reveals elements that the op
    misses. This is slow, since it reads every number on the host: for tests and new layers.
    """

    def __init__(self, inner: Engine):
        self.inner = inner
        self.name = f'checked:{inner.name}'
        self.dtype = inner.dtype
        self.on_device = inner.on_device

    def convolving(self, by: str) -> Self:
        return type(self)(self.inner.convolving(by))

    def release(self) -> None:
        self.inner.release()

    def run(self, op: str, inputs: tuple, outputs: dict[str, Any]) -> None:
        """Run an op on the inner engine. Raises EngineError for a wrong call and a wrong result."""
        call = Call(self, op, inputs, outputs)
        call.check_types()
        call.check_memory()
        call.check_shapes()
        kept = {name: x.array().copy() for name, x in call.read.items()}
        finite = call.is_finite()
        call.poison()
        getattr(self.inner, op)(*inputs, **outputs)
        call.check_unchanged(kept)
        call.check_results(finite)


def watched(op: str) -> Callable[..., None]:
    def call(self, *inputs, **outputs):
        self.run(op, inputs, outputs)

    return call


for _op in OPS:
    setattr(Checked, _op, watched(_op))


class Call:
    """A call of an op, with the checks before and after it."""

    def __init__(self, engine: Engine, op: str, inputs: tuple, outputs: dict[str, Any]):
        self.engine, self.op = engine, op
        bound = SIGNATURES[op].bind(engine, *inputs, **outputs)
        bound.apply_defaults()
        self.arguments = dict(bound.arguments)
        del self.arguments['self']
        self.operands = {k: x for k, x in self.arguments.items() if isinstance(x, Tensor)}
        self.read = {k: x for k, x in self.operands.items() if k not in outputs}
        self.written = {k: x for k, x in self.operands.items() if k in outputs}
        self.parts = {k: part_written(op, k, self.arguments) for k in self.written}
        self.numbers = [x for x in inputs if isinstance(x, int | float)]

    def check_types(self) -> None:
        computed = self.engine.dtype
        for name, x in self.operands.items():
            if x.memory.dtype != computed:
                raise self.error(
                    f'{name} holds {x.memory.dtype}, the engine computes in {computed}'
                )

    def check_memory(self) -> None:
        for name, x in self.written.items():
            for other, y in self.read.items():
                same = x.offset == y.offset and x.size == y.size
                if overlap(x, y) and not (self.op in IN_PLACE and same):
                    raise self.error(f'{name} must not share memory with {other}')

    def check_shapes(self) -> None:
        shapes = {k: x.shape for k, x in self.operands.items()}
        found = ', '.join(f'{k} {shape}' for k, shape in shapes.items())
        try:
            needed = RULES[self.op](**self.arguments | shapes)
        except (ValueError, IndexError) as error:
            raise self.error(f'the operands do not fit: {found} ({error})') from error
        for name, shape in needed.items():
            if name in shapes and shapes[name] != tuple(shape):
                raise self.error(f'{name} must be {tuple(shape)} here: found {found}')

    def is_finite(self) -> bool:
        """Whether all numbers that the op reads, or adds to, are finite."""
        arrays = [x.array() for x in self.read.values()]
        for name, x in self.written.items():
            if self.parts[name] is None:
                arrays.append(x.array())
        return all(map(isfinite, self.numbers)) and all(np.isfinite(x).all() for x in arrays)

    def poison(self) -> None:
        """Mark the elements that the op must overwrite."""
        mark = POISON[self.engine.dtype].view(self.engine.dtype)
        for name, x in self.written.items():
            part = self.parts[name]
            if part is not None and not overlaps_any(x, self.read.values()):
                x.array(write=True)[part] = mark

    def check_unchanged(self, kept: dict[str, ndarray]) -> None:
        """Raises EngineError for an input that no longer equals the copy kept of it."""
        for name, x in self.read.items():
            if overlaps_any(x, self.written.values()):
                continue
            if not np.array_equal(x.array(), kept[name], equal_nan=True):
                raise self.error(f'{name} is read only, but has changed')

    def check_results(self, finite: bool) -> None:
        for name, x in self.written.items():
            part = self.parts[name]
            result = x.array()[... if part is None else part]
            self.check_written(name, result)
            if finite:
                self.check_finite(name, result)

    def check_written(self, name: str, result: ndarray) -> None:
        mark = POISON[self.engine.dtype]
        left = result.view(mark.dtype) == mark
        if left.any():
            raise self.error(
                f'{name} {result.shape} was not written, or read before, at '
                f'{np.count_nonzero(left)} places; the first is {first(left)}'
            )

    def check_finite(self, name: str, result: ndarray) -> None:
        wrong = ~np.isfinite(result)
        if wrong.any():
            where = first(wrong)
            raise self.error(
                f'computed {result[where]} from finite numbers: {name} {result.shape} at {where}'
            )

    def error(self, message: str) -> EngineError:
        return EngineError(f"op '{self.op}' of engine '{self.engine.name}': {message}")


def part_written(op: str, output: str, arguments: dict[str, Any]) -> Part | None:
    """The part of an output that the op overwrites, as an index; None if it adds to the output."""
    adds = arguments.get('accumulate') or (op, output) in ADDING
    if adds or (op == 'axpby' and arguments['beta']):
        return None
    if op == 'copy_window':
        at, shape = arguments['at'], arguments['shape']
        return tuple(slice(a, a + n) for a, n in zip(at, shape, strict=True))
    return ...


def first(where: ndarray) -> tuple[int, ...]:
    """The index of the first true element."""
    return tuple(map(int, np.argwhere(where)[0]))


def overlaps_any(x: Tensor, others: Iterable[Tensor]) -> bool:
    return any(overlap(x, y) for y in others)


def overlap(x: Tensor, y: Tensor) -> bool:
    """Whether two tensors have elements in common."""
    start = max(x.offset, y.offset)
    end = min(x.offset + x.size, y.offset + y.size)
    return x.memory is y.memory and start < end
