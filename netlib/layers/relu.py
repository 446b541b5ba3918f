from ..registry import register
from .shared.neuron import Neuron


@register
class ReLU(Neuron):
    """y = x where x > 0, else negative_slope x

    The slope is 0 by default (Nair & Hinton 2010); a small one makes the leaky ReLU. At 0 the
    gradient is the slope's.

    bottom  x  (...)        top  y  (...)        may be in place
    """

    function = 'relu'
    scaling = 'equal'

    def parameters(self):
        return (self.param.relu_param.negative_slope,)
