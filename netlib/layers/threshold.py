from ..registry import register
from .base import Blobs, Flags
from .shared.neuron import Neuron


@register
class Threshold(Neuron):
    """y = 1 where x > threshold, else 0; no gradient

    bottom  x  (...)        top  y  (...)        may be in place
    """

    function = 'threshold'

    def parameters(self) -> tuple[float, ...]:
        return (self.param.threshold_param.threshold,)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        self.refuse_gradient(propagate_down)
