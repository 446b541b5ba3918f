from dataclasses import replace

from ..registry import register
from .base import Blobs
from .shared.neuron import Neuron
from .traits import EQUAL_BY_CHANNEL


@register
class ReLU(Neuron):
    """y = x where x > 0, else negative_slope x

    The slope is 0 by default (Nair & Hinton 2010); a small slope gives the leaky ReLU. At x = 0, dx
    = negative_slope dy.

    bottom  x  (...)        top  y  (...)        may be in place
    """

    function = 'relu'
    scaling = EQUAL_BY_CHANNEL

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        is_rectifier = self.param.relu_param.negative_slope == 0
        self.traits = replace(self.traits, is_rectifier=is_rectifier)

    def parameters(self) -> tuple[float, ...]:
        return (self.param.relu_param.negative_slope,)
