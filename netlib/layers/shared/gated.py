"""Weights that hold several maps to the same number of outputs: the gates of a recurrent layer."""

from ..base import Layer


class Gated(Layer):
    """A layer with `gates` maps of D outputs each, the rows of a weight matrix (gates D, K) one map
    after another."""

    gates = 1
    D = 0

    def by_gate(self, W):
        return W.reshape(self.gates, self.D, -1)

    def multiply(self, x, W, *, out, accumulate=False):
        """out[k] (+)= x W_k^T, with W_k the rows of gate k."""
        for part, y in zip(self.by_gate(W.values), out, strict=True):
            self.engine.gemm(x, part, out=y, transpose_b=True, accumulate=accumulate)

    def multiply_backward(self, W, dy, *, x=None, dx=None):
        """Where they are given: dW_k += dy_k^T x, and dx = the sum of dy_k W_k."""
        for k, dgate in enumerate(dy):
            if x is not None and W.learns:
                self.engine.gemm(
                    dgate, x, out=self.by_gate(W.diffs)[k], transpose_a=True, accumulate=True
                )
            if dx is not None:
                self.engine.gemm(dgate, self.by_gate(W.values)[k], out=dx, accumulate=k > 0)
