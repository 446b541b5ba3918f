from ..registry import register
from ..shapes import count
from .base import Blobs, Flags, Layer
from .traits import EQUAL, Scaling


@register
class Reduction(Layer):
    """y = coeff times the SUM of x, of abs(x) (ASUM), of x^2 (SUMSQ), or the MEAN of x, over `axis`
    and all axes after it

    dx = coeff dy times 1, sign(x), 2 x, or 1 / the number of elements

    bottom  x  (..., axis ...)      top  y  (...)
    """

    scaling = EQUAL

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.reduction_param
        if p.operation == p.SUMSQ:
            self.scaling = Scaling('product', degree=2)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x = bottom[0]
        axis = self.axis(self.param.reduction_param.axis, x)
        self.shape = count(x.shape, 0, axis), count(x.shape, axis)
        top[0].reshape(*x.shape[:axis])

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, p = self.engine, self.param.reduction_param
        x, y = bottom[0].values.reshape(*self.shape), top[0].values.reshape(-1, 1)
        if p.operation == p.SUMSQ:
            e.dot(x, x, out=y)
        elif p.operation == p.ASUM:
            sizes = self.buffer('abs', *self.shape)
            e.unary('abs', x, out=sizes)
            e.sum(sizes, out=y)
        else:
            e.sum(x, out=y)
        e.axpby(self.coeff, y, 0, out=y)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if not propagate_down[0]:
            return
        e, p = self.engine, self.param.reduction_param
        x, dx = bottom[0].values.reshape(*self.shape), bottom[0].diffs.reshape(*self.shape)
        if p.operation == p.SUMSQ:
            e.axpby(2 * self.coeff, x, 0, out=dx)
        elif p.operation == p.ASUM:
            e.unary('sign', x, out=dx)
            e.axpby(self.coeff, dx, 0, out=dx)
        else:
            e.fill(self.coeff, out=dx)
        e.binary('mul', dx, top[0].diffs.reshape(-1, 1), out=dx)

    @property
    def coeff(self) -> float:
        p = self.param.reduction_param
        return p.coeff / max(self.shape[1], 1) if p.operation == p.MEAN else p.coeff
