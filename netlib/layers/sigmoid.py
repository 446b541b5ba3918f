from dataclasses import replace

from ..registry import register
from .shared.neuron import Neuron


@register
class Sigmoid(Neuron):
    """y = 1 / (1 + exp(-x)),  dx = dy y (1 - y)

    bottom  x  (...)        top  y  (...)        may be in place
    """

    traits = replace(Neuron.traits, bounds=(0, 1))
    function = 'sigmoid'
    from_y = True
