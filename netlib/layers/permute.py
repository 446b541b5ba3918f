from ..registry import register
from .base import Blobs, Flags, Layer
from .traits import EQUAL, EQUAL_BY_CHANNEL, PASSES, Traits


@register
class Permute(Layer):
    """y = x with its axes in another order: axis i of y is axis order[i] of x

    Axes not in `order` follow in their original order.

    bottom  x  (...)        top  y  (...)

    Source: SSD's permute_layer.
    """

    traits = Traits(moves=True, repeats=PASSES)
    scaling = EQUAL

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        if list(self.param.permute_param.order[:2]) == [0, 1]:
            self.scaling = EQUAL_BY_CHANNEL

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x = bottom[0]
        chosen = [self.axis(axis, x) for axis in self.param.permute_param.order]
        if len(set(chosen)) < len(chosen):
            raise self.error(f'order: there are duplicate orders: {chosen}')
        self.order = chosen + [axis for axis in range(x.axes) if axis not in chosen]
        shape = [x.shape[axis] for axis in self.order]
        top[0].reshape(*shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        self.engine.transpose(bottom[0].values, self.order, out=top[0].values)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[0]:
            inverse = [self.order.index(axis) for axis in range(len(self.order))]
            self.engine.transpose(top[0].diffs, inverse, out=bottom[0].diffs)
