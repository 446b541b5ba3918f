from ..registry import register
from .shared.neuron import Neuron


@register
class ELU(Neuron):
    """y = x where x > 0, else alpha (exp(x) - 1)

    bottom  x  (...)        top  y  (...)        may be in place

    Source: Clevert et al. 2016.
    """

    function = 'elu'
    from_y = True

    def parameters(self) -> tuple[float, ...]:
        return (self.param.elu_param.alpha,)
