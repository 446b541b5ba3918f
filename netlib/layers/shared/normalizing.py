"""Shared by BatchNorm and BN: a mean and a variance of each channel, from the batch or stored."""

from typing import Any

from ...memory import Tensor
from ...shapes import Shape
from ..base import Blobs
from .standardize import Standardize


class Normalizing(Standardize):
    """A layer that normalizes each channel by statistics of the batch, or by stored ones.

    shape              its input as (outer, channels, inner)
    from_batch         whether forward uses the batch's statistics; else it uses the stored ones
    keeps_statistics   whether it has parameters for statistics
    missing            what shows that nothing has been stored in them
    """

    shape: Shape
    channels: int
    from_batch: bool
    keeps_statistics = True
    missing = ''

    def has_statistics(self) -> bool:
        """Whether statistics have been stored."""
        raise NotImplementedError

    def store(self, mean: Any, var: Any, count: int) -> None:
        """Store the mean and the biased variance, (C,) each, of `count` elements per channel."""
        raise NotImplementedError

    def forget(self) -> None:
        """Store nothing again."""
        for param in self.params:
            if param.is_statistic:
                param.data = 0

    def input_moments(self, bottom: Blobs) -> tuple[Tensor, Tensor]:
        """The mean and the biased variance of each channel of the bottom, (1, C, 1) each."""
        mean, var = self.per_channel('mean'), self.per_channel('var')
        self.engine.moments(bottom[0].values.reshape(*self.shape), mean=mean, var=var)
        return mean, var

    def per_channel(self, name: str) -> Tensor:
        """A buffer of one number per channel, shaped to broadcast over x."""
        return self.buffer(name, 1, self.channels, 1)
