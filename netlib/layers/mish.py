from ..registry import register
from .shared.neuron import Neuron


@register
class Mish(Neuron):
    """y = x tanh(log(1 + exp(x)))

    bottom  x  (...)        top  y  (...)        may be in place

    Source: Misra 2020.
    """

    function = 'mish'
    needs_input = True
