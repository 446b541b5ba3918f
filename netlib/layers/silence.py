from ..registry import register
from .base import Layer
from .traits import FREE


@register
class Silence(Layer):
    """Nothing is done with the bottoms: so they are no outputs of the net. dx = 0

    bottom  x_i  (...)      no top
    """

    bottoms = (1, None)
    tops = 0
    scaling = FREE

    def reshape(self, bottom, top):
        pass

    def forward(self, bottom, top):
        pass

    def backward(self, top, propagate_down, bottom):
        for blob, wanted in zip(bottom, propagate_down, strict=True):
            if wanted:
                self.engine.fill(0, out=blob.diffs)
