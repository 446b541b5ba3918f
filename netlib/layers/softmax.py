from ..registry import register
from ..shapes import fold
from .base import Blobs, Flags, Layer
from .traits import PASSES, Traits


@register
class Softmax(Layer):
    """y = exp(x) / the sum of exp(x) over the classes, along `axis`

    dx = y (dy - sum of dy y)

    bottom  x  (..., classes, ...)      top  y  (..., classes, ...)
    """

    traits = Traits(reads_top=True, answers=True, repeats=PASSES)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x = bottom[0]
        self.shape = fold(x.shape, self.axis(self.param.softmax_param.axis, x))
        top[0].reshape(*x.shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        self.engine.softmax_forward(
            bottom[0].values.reshape(*self.shape), out=top[0].values.reshape(*self.shape)
        )

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[0]:
            y, dy, dx = (
                t.reshape(*self.shape) for t in (top[0].values, top[0].diffs, bottom[0].diffs)
            )
            self.engine.softmax_backward(y, dy, out=dx)
