from dataclasses import replace

from ..registry import register
from .shared.neuron import Neuron


@register
class TanH(Neuron):
    """y = tanh(x),  dx = dy (1 - y^2)

    bottom  x  (...)        top  y  (...)        may be in place
    """

    traits = replace(Neuron.traits, bounds=(-1, 1))
    function = 'tanh'
    from_y = True
