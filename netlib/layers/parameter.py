from ..registry import register
from .base import Layer


@register
class Parameter(Layer):
    """y = W: a learned blob as the source of a top;  dW += dy

    params  W  (shape of parameter_param)       filled with zeros
    top     y  the same, in the same memory
    """

    bottoms = 0

    def setup(self, bottom, top):
        self.add_param(tuple(self.param.parameter_param.shape.dim))

    def reshape(self, bottom, top):
        top[0].reshape(*self.params[0].shape)
        top[0].share(self.params[0], diffs=False)

    def forward(self, bottom, top):
        pass

    def backward(self, top, propagate_down, bottom):
        if self.params[0].learns:
            self.engine.axpby(1, top[0].diffs, 1, out=self.params[0].diffs)
