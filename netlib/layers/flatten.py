from dataclasses import replace

from ..registry import register
from ..shapes import count
from .base import Blobs, Flags, Layer
from .traits import EQUAL, EQUAL_BY_CHANNEL, PASSES, Traits


@register
class Flatten(Layer):
    """y = x with its axes from `axis` to `end_axis`, inclusive, merged into one

    The top shares the bottom's memory, values and diff.

    bottom  x  (N, C, ...)      top  y  (N, C ...)
    """

    traits = Traits(moves=True, repeats=PASSES)
    scaling = EQUAL

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        if self.axis(self.param.flatten_param.axis, bottom[0]):
            self.scaling = EQUAL_BY_CHANNEL
            self.traits = replace(self.traits, by_sample=True)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, p = bottom[0], self.param.flatten_param
        start, end = self.axis(p.axis, x), self.axis(p.end_axis, x) + 1
        top[0].reshape(*x.shape[:start], count(x.shape, start, end), *x.shape[end:])
        top[0].share(x)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        pass

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        pass
