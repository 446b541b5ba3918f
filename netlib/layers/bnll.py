from ..registry import register
from .shared.neuron import Neuron


@register
class BNLL(Neuron):
    """y = log(1 + exp(x)), the binomial normal log likelihood;  dx = dy / (1 + exp(-x))

    bottom  x  (...)        top  y  (...)        may be in place
    """

    function = 'bnll'
    needs_input = True
