"""Elementwise ops that are deferred and then computed together."""

from collections.abc import Sequence
from ctypes import Array
from functools import partial
from typing import Any

from numpy import ndarray

from ...memory import Tensor
from ..block import check_sizes
from ..calling import EngineBase
from .declarations import Kernels
from .native import Step, address


class DeferredBlock:
    """A Block whose ops are all computed by `run`: it applies all ops to one piece of the tensors
    after another, while the piece is in the cache."""

    def __init__(self, engine: EngineBase, kernels: Kernels):
        self.engine, self.kernels = engine, kernels
        self.steps: list[Step] = []
        self.arrays: list[ndarray] = []  # of the steps, which hold only addresses

    def copy(self, x: Tensor, *, out: Tensor) -> None:
        check_sizes('copy', x, out)
        self._defer(self.kernels.axpby, (x,), (1, 0), out)

    def axpby(self, alpha: float, x: Tensor, beta: float, *, out: Tensor) -> None:
        check_sizes('axpby', x, out)
        self._defer(self.kernels.axpby, (x,), (alpha, beta), out)

    def unary(self, name: str, x: Tensor, *parameters: float, out: Tensor) -> None:
        check_sizes('unary', x, out)
        self._defer(self.kernels.unary[name], (x,), parameters, out)

    def binary(self, name: str, a: Tensor, b: Tensor, *, out: Tensor) -> None:
        check_sizes('binary', a, b, out)
        self._defer(self.kernels.binary[name], (a, b), (), out)

    def run(self) -> None:
        """Compute all ops, in order."""
        if self.steps:
            steps = (Step * len(self.steps))(*self.steps)
            call = partial(self._compute, steps, max(step.n for step in steps))
            call()
            if self.engine.recorder is not None:
                self.engine.recorder.append(call)

    def _compute(self, steps: Array[Step], longest: int) -> None:
        self.kernels.steps(steps, len(steps), longest)

    def _defer(
        self, kernel: Any, inputs: Sequence[Tensor], parameters: Sequence[float], out: Tensor
    ) -> None:
        arrays = [self.engine.reads(x) for x in inputs]
        result = self.engine.writes(out)
        places = tuple(address(array) for array in arrays)
        step = Step(kernel.address, places, address(result), tuple(parameters), result.size)
        self.steps.append(step)
        self.arrays += [*arrays, result]
