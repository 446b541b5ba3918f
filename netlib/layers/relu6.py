from math import inf

from ..registry import register
from .base import Blobs, Flags
from .shared.neuron import Neuron


@register
class ReLU6(Neuron):
    """y = x where x > 0, else negative_slope x, but at most 6

    At x = 0, dx = negative_slope dy; above 6, dx = 0.

    bottom  x  (...)        top  y  (...)        may be in place

    Source: Howard et al. 2017 (MobileNets); the relu6_layer of several forks.
    """

    needs_input = True

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        x, y = self.work.keep_input(bottom[0], top[0]), top[0].values
        self.engine.unary('relu', x, self.slope, out=y)
        self.engine.unary('clip', y, -inf, 6, out=y)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[0]:
            x, y = self.work.kept_input(bottom[0], top[0]), top[0].values
            dy, dx = top[0].diffs, bottom[0].diffs
            self.engine.unary_backward('clip', x, y, dy, -inf, 6, out=dx)
            self.engine.unary_backward('relu', x, y, dx, self.slope, out=dx)

    @property
    def slope(self) -> float:
        return self.param.relu6_param.negative_slope
