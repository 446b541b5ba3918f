from ..registry import register
from .shared.neuron import Neuron


@register
class Swish(Neuron):
    """y = x sigmoid(beta x)

    bottom  x  (...)        top  y  (...)        may be in place

    Source: Ramachandran et al. 2017.
    """

    function = 'swish'
    from_y = True
    needs_input = True

    def parameters(self) -> tuple[float, ...]:
        return (self.param.swish_param.beta,)
