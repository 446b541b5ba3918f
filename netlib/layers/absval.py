from ..registry import register
from .shared.neuron import Neuron
from .traits import EQUAL_BY_CHANNEL, Traits


@register
class AbsVal(Neuron):
    """y = abs(x),  dx = dy sign(x), 0 at 0

    bottom  x  (...)        top  y  (...)        not in place, which would lose the sign
    """

    traits = Traits()
    function = 'abs'
    scaling = EQUAL_BY_CHANNEL
