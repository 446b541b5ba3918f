import math

from ..registry import register
from .base import Blobs
from .shared.neuron import Neuron


@register
class Log(Neuron):
    """y = log(shift + scale x) / log(base),  dx = dy scale / ((shift + scale x) log(base))

    The base is e by default (base -1 also means e).

    bottom  x  (...)        top  y  (...)        may be in place
    """

    function = 'log'
    needs_input = True

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        base = self.param.log_param.base
        if base <= 0 and base != -1:
            raise self.error(f'base: {base:g}; base must be strictly positive. -1 means e')
        if base == 1:
            raise self.error('base: log(1) is 0, a division by zero; use another base')
        self.base_scale = 1.0 if base == -1 else 1 / math.log(base)

    def parameters(self) -> tuple[float, ...]:
        p = self.param.log_param
        return self.base_scale, p.scale, p.shift
