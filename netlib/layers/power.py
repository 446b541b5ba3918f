from ..registry import register
from .shared.neuron import Neuron


@register
class Power(Neuron):
    """y = (shift + scale x)^power,  dx = dy power scale (shift + scale x)^(power - 1)

    Where power or scale is 0, y is constant and dx is 0.

    bottom  x  (...)        top  y  (...)        may be in place
    """

    function = 'power'
    needs_input = True

    def parameters(self):
        p = self.param.power_param
        return p.power, p.scale, p.shift

    @property
    def scaling(self):
        power, scale, shift = self.parameters()
        if not power * scale:
            return 'free'
        return 'fixed' if shift else 'product'

    @property
    def degree(self):
        return self.param.power_param.power
