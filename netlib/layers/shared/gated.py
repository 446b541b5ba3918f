"""Weights for several maps with the same number of outputs: the gates of a recurrent layer."""

from ...blob import Param
from ...memory import Tensor
from ..base import Layer

Parts = Tensor | list[Tensor]  # one tensor for each gate


class Gated(Layer):
    """A layer with `gates` maps of D outputs each, stacked along the rows of a weight matrix
    (gates D, K)."""

    gates = 1
    D = 0

    def by_gate(self, W: Tensor) -> Tensor:
        return W.reshape(self.gates, self.D, W.shape[1])

    def multiply(self, x: Tensor, W: Param, *, out: Parts, accumulate: bool = False) -> None:
        """out[k] (+)= x W_k^T, with W_k the rows of gate k."""
        for part, y in zip(self.by_gate(W.values), out, strict=True):
            self.engine.gemm(x, part, out=y, transpose_b=True, accumulate=accumulate)

    def multiply_backward(
        self, W: Param, dy: Parts, *, x: Tensor | None = None, dx: Tensor | None = None
    ) -> None:
        """dW_k += dy_k^T x, and dx = the sum of dy_k W_k, each if its argument is given."""
        values, diffs = self.by_gate(W.values), self.by_gate(W.diffs)
        for k, dgate in enumerate(dy):
            if x is not None and W.learns:
                self.engine.gemm(dgate, x, out=diffs[k], transpose_a=True, accumulate=True)
            if dx is not None:
                self.engine.gemm(dgate, values[k], out=dx, accumulate=k > 0)
