"""A binary function over many tensors."""

from collections.abc import Sequence

from ...engines.block import Block
from ...memory import Tensor


def fold_tensors(ops: Block, name: str, tensors: Sequence[Tensor], out: Tensor) -> None:
    """out = f(f(x0, x1), x2) and so on, with f the binary function `name` of an engine or a block.

    The tensors have the same shape. For a single tensor, out is a copy.
    """
    if len(tensors) == 1:
        ops.copy(tensors[0], out=out)
        return
    left = tensors[0]
    for right in tensors[1:]:
        ops.binary(name, left, right, out=out)
        left = out
