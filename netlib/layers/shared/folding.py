"""A binary function over many tensors."""

from collections.abc import Sequence

from ...engines import Engine
from ...memory import Tensor


def fold_tensors(engine: Engine, name: str, tensors: Sequence[Tensor], out: Tensor) -> None:
    """out = f(f(x0, x1), x2) and so on, with f the engine's binary function of that name.

    The tensors have one shape; of a single one, out is its copy.
    """
    if len(tensors) == 1:
        engine.axpby(1, tensors[0], 0, out=out)
        return
    left = tensors[0]
    for right in tensors[1:]:
        engine.binary(name, left, right, out=out)
        left = out
