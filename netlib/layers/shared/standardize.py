"""Shared by BatchNorm and MVN: scaling values to mean 0 and variance 1, and its gradient."""

from ...memory import Tensor
from ..base import Layer


class Standardize(Layer):
    """A layer z = (x - mean) inverse. The mean and the inverse deviation have extent 1 along the
    axes that are averaged over."""

    def standardized(self, x: Tensor, mean: Tensor, inverse: Tensor) -> Tensor:
        """z, computed again."""
        z = self.scratch('z', *x.shape)
        self.engine.standardize(x, mean, inverse, out=z)
        return z
