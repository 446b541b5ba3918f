from ..registry import register
from .shared.neuron import Neuron


@register
class TanH(Neuron):
    """y = tanh(x),  dx = dy (1 - y^2)

    bottom  x  (...)        top  y  (...)        may be in place
    """

    function = 'tanh'
    from_y = True
