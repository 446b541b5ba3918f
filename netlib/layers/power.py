from ..registry import register
from .base import Blobs
from .shared.neuron import Neuron
from .traits import FREE, Scaling


@register
class Power(Neuron):
    """y = (shift + scale x)^power,  dx = dy power scale (shift + scale x)^(power - 1)

    If power or scale is 0, y is constant and dx is 0.

    bottom  x  (...)        top  y  (...)        may be in place
    """

    function = 'power'
    needs_input = True

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        power, scale, shift = self.parameters()
        if power * scale == 0:
            self.scaling = FREE
        elif not shift:
            self.scaling = Scaling('product', power, channels='kept')

    def parameters(self) -> tuple[float, ...]:
        p = self.param.power_param
        return p.power, p.scale, p.shift
