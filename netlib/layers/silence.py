from ..registry import register
from .base import Blobs, Flags, Layer
from .traits import FREE


@register
class Silence(Layer):
    """Does nothing with its bottoms, which then are not outputs of the net;  dx = 0

    bottom  x_i  (...)      no top
    """

    bottoms = (1, None)
    tops = 0
    scaling = FREE

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        pass

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        pass

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        for blob, wanted in zip(bottom, propagate_down, strict=True):
            if wanted:
                self.engine.fill(0, out=blob.diffs)
