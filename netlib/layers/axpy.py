from ..memory import Tensor
from ..registry import register
from ..shapes import count
from .base import Blobs, Flags, Layer


@register
class Axpy(Layer):
    """z = a x + y, with one factor a for each channel of each image

    da = the sum of x dz over the channel;  dx = a dz;  dy = dz

    bottom  a  (N, C) or (N, C, 1, 1)
            x  (N, C, ...)
            y  (N, C, ...)
    top     z  (N, C, ...)

    Source: Hu et al. 2018 (Squeeze-and-Excitation), axpy_layer of hujie-frank/SENet.
    """

    bottoms = 3

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        a, x, y = bottom
        if x.shape != y.shape or a.shape != x.shape[:2] + (1,) * (a.axes - 2):
            raise self.error(
                'the factors need one number per channel of x, and y the shape of x: found '
                f"'{a.name}' {a.shape_text}, '{x.name}' {x.shape_text}, '{y.name}' {y.shape_text}"
            )
        self.shape = (*x.shape[:2], count(x.shape, 2))
        top[0].reshape(*x.shape)

    def factors(self, tensor: Tensor) -> Tensor:
        """a or da, shaped to broadcast over a tensor of `seen`."""
        return tensor.reshape(*self.shape[:2], 1)

    def seen(self, tensor: Tensor) -> Tensor:
        """A tensor of the shape of x as (N, C, positions)."""
        return tensor.reshape(*self.shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, (a, x, y) = self.engine, bottom
        e.binary('mul', self.seen(x.values), self.factors(a.values), out=self.seen(top[0].values))
        e.axpby(1, y.values, 1, out=top[0].values)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        e, (a, x, y), dz = self.engine, bottom, self.seen(top[0].diffs)
        if propagate_down[0]:
            e.dot(dz, self.seen(x.values), out=self.factors(a.diffs))
        if propagate_down[1]:
            e.binary('mul', dz, self.factors(a.values), out=self.seen(x.diffs))
        if propagate_down[2]:
            e.copy(dz, out=y.diffs)
