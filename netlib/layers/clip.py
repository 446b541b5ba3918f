from ..registry import register
from .shared.neuron import Neuron


@register
class Clip(Neuron):
    """y = x clipped to min .. max;  dx = dy where min <= x <= max, else 0

    bottom  x  (...)        top  y  (...)        may be in place
    """

    function = 'clip'
    needs_input = True

    def parameters(self) -> tuple[float, ...]:
        p = self.param.clip_param
        return p.min, p.max
