"""Elementwise ops that an engine may defer, to compute several of them in one pass."""

from typing import Protocol

from ..errors import EngineError
from ..memory import Tensor


class Block(Protocol):
    """Four ops for use in `with engine.blockwise() as block:`, each on tensors of the same size.

    Their results are ready at the end of the context. Until then, no other op may use their
    tensors. Overlapping tensors of different ops must begin at the same place. Raises EngineError
    for tensors of different sizes in one op.
    """

    def copy(self, x: Tensor, *, out: Tensor) -> None: ...

    def axpby(self, alpha: float, x: Tensor, beta: float, *, out: Tensor) -> None: ...

    def unary(self, name: str, x: Tensor, *parameters: float, out: Tensor) -> None: ...

    def binary(self, name: str, a: Tensor, b: Tensor, *, out: Tensor) -> None: ...


class Immediate:
    """A Block that computes each op immediately."""

    def __init__(self, engine: Block):
        self.engine = engine

    def copy(self, x: Tensor, *, out: Tensor) -> None:
        check_sizes('copy', x, out)
        self.engine.copy(x, out=out)

    def axpby(self, alpha: float, x: Tensor, beta: float, *, out: Tensor) -> None:
        check_sizes('axpby', x, out)
        self.engine.axpby(alpha, x, beta, out=out)

    def unary(self, name: str, x: Tensor, *parameters: float, out: Tensor) -> None:
        check_sizes('unary', x, out)
        self.engine.unary(name, x, *parameters, out=out)

    def binary(self, name: str, a: Tensor, b: Tensor, *, out: Tensor) -> None:
        check_sizes('binary', a, b, out)
        self.engine.binary(name, a, b, out=out)


def check_sizes(op: str, *tensors: Tensor) -> None:
    """Raises EngineError unless all tensors have the same number of elements."""
    sizes = {x.size for x in tensors}
    if len(sizes) > 1:
        shapes = ', '.join(str(x.shape) for x in tensors)
        raise EngineError(f'blockwise: {op} takes tensors of the same size; found {shapes}')
