"""Elementwise ops that are deferred and then computed in one launch."""

from collections.abc import Sequence

import numpy as np

from ...errors import EngineError
from ...memory import Tensor
from ..block import check_sizes
from ..calling import EngineBase
from ..functions import BINARY, UNARY
from .declarations import Kernels

# The functions of the kernel `steps` in kernels/elementwise.cu, in the order of their numbers.
FUNCTIONS = (
    'axpby',
    'unary_relu',
    'unary_sign',
    'unary_power',
    'binary_add',
    'binary_mul',
    'binary_div',
    'copy',
)
MOST = 64  # steps in a launch
# Its struct Step.
STEP = np.dtype(
    [
        ('function', 'i4'),
        ('n', 'i4'),
        ('a', 'u8'),
        ('b', 'u8'),
        ('out', 'u8'),
        ('p', 'f4', 3),
        ('larger', 'i4'),
    ],
    align=True,
)


class DeferredBlock:
    """A Block whose ops are all computed by `run`."""

    def __init__(self, engine: EngineBase, kernels: Kernels):
        self.engine, self.kernels = engine, kernels
        self.steps: list[tuple] = []
        self.tensors: list[Tensor] = []  # of the steps, which only know their addresses

    def copy(self, x: Tensor, *, out: Tensor) -> None:
        check_sizes('copy', x, out)
        self._defer('copy', (x,), (), out)

    def axpby(self, alpha: float, x: Tensor, beta: float, *, out: Tensor) -> None:
        check_sizes('axpby', x, out)
        self._defer('axpby', (x,), (alpha, beta), out)

    def unary(self, name: str, x: Tensor, *parameters: float, out: Tensor) -> None:
        UNARY.check(name)
        check_sizes('unary', x, out)
        self._defer(f'unary_{name}', (x,), parameters, out)

    def binary(self, name: str, a: Tensor, b: Tensor, *, out: Tensor) -> None:
        BINARY.check(name)
        check_sizes('binary', a, b, out)
        self._defer(f'binary_{name}', (a, b), (), out)

    def run(self) -> None:
        """Compute all ops, in order."""
        for start in range(0, len(self.steps), MOST):
            some = self.steps[start : start + MOST]
            sizes = [step[1] for step in some]
            table = np.zeros(MOST, STEP)
            larger = next_larger(sizes)
            table[: len(some)] = [(*step, k) for step, k in zip(some, larger, strict=True)]
            self.kernels.elementwise.steps(max(sizes), len(some), table.tobytes())

    def _defer(
        self, function: str, inputs: Sequence[Tensor], parameters: Sequence[float], out: Tensor
    ) -> None:
        if function not in FUNCTIONS:
            raise EngineError(
                f"blockwise: engine 'cuda' can defer {', '.join(FUNCTIONS)}; found {function}"
            )
        number = FUNCTIONS.index(function)
        a, b = [self.engine.reads(x).address for x in inputs] + [0] * (2 - len(inputs))
        to = self.engine.writes(out).address
        self.tensors += [*inputs, out]
        self.steps.append((number, out.size, a, b, to, (*parameters, 0, 0, 0)[:3]))


def next_larger(sizes: Sequence[int]) -> list[int]:
    """For each size the place of the next larger one, or the end."""
    found = [len(sizes)] * len(sizes)
    for place in reversed(range(len(sizes))):
        other = place + 1
        while other < len(sizes) and sizes[other] <= sizes[place]:
            other = found[other]
        found[place] = other
    return found
