import math

from ..registry import register
from .base import Blobs
from .shared.neuron import Neuron


@register
class Exp(Neuron):
    """y = base^(shift + scale x),  dx = dy y scale log(base)

    The base is e by default (base -1 also means e).

    bottom  x  (...)        top  y  (...)        may be in place
    """

    function = 'exp'
    from_y = True

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.exp_param
        if p.base <= 0 and p.base != -1:
            raise self.error(f'base: {p.base:g}; base must be strictly positive. -1 means e')
        log_base = 1.0 if p.base == -1 else math.log(p.base)
        try:
            self.inner, self.outer = log_base * p.scale, math.exp(log_base * p.shift)
        except OverflowError:
            raise self.error(
                f'shift: found {p.shift:g}; the base to this power is not finite'
            ) from None

    def parameters(self) -> tuple[float, ...]:
        return self.inner, self.outer
