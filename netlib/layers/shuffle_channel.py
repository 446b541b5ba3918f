from ..registry import register
from ..shapes import count
from .base import Blobs, Flags, Layer
from .traits import EQUAL


@register
class ShuffleChannel(Layer):
    """y = x with its channels reordered: the first channel of every group, then the second of every
    group, and so on

    Channel g n + i of x, the i-th of the n channels in group g, becomes channel i group + g of y.

    bottom  x  (N, C, ...)      top  y  (N, C, ...)

    Source: Zhang et al. 2018 (ShuffleNet), shuffle_channel_layer of farmingyard/ShuffleNet.
    """

    scaling = EQUAL

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, group = bottom[0], self.param.shuffle_channel_param.group
        channels = x.shape[self.axis(1, x)]
        if not group or channels % group:
            raise self.error(
                f"group: {group} must divide the {channels} channels of '{x.name}' {x.shape_text}"
            )
        self.grouped = (x.shape[0], group, channels // group, count(x.shape, 2))
        self.dealt = (x.shape[0], channels // group, group, count(x.shape, 2))
        top[0].reshape(*x.shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        x, y = bottom[0].values.reshape(*self.grouped), top[0].values.reshape(*self.dealt)
        self.engine.transpose(x, (0, 2, 1, 3), out=y)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[0]:
            dy, dx = top[0].diffs.reshape(*self.dealt), bottom[0].diffs.reshape(*self.grouped)
            self.engine.transpose(dy, (0, 2, 1, 3), out=dx)
