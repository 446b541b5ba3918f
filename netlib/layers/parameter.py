from ..registry import register
from .base import Blobs, Flags, Layer


@register
class Parameter(Layer):
    """y = W: a learned blob as the source of a top;  dW += dy

    params  W  (shape of parameter_param)       filled with zeros
    top     y  same shape, same memory
    """

    bottoms = 0

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        self.add_param(tuple(self.param.parameter_param.shape.dim))

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        top[0].reshape(*self.params[0].shape)
        top[0].share(self.params[0], diffs=False)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        pass

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if self.params[0].learns:
            self.engine.axpby(1, top[0].diffs, 1, out=self.params[0].diffs)
