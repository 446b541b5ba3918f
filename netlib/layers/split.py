from ..registry import register
from .base import Blobs, Flags, Layer
from .shared.folding import fold_tensors
from .traits import EQUAL_BY_CHANNEL, PASSES, Traits


@register
class Split(Layer):
    """One blob for several consumers: y_k = x, dx = sum of dy_k

    A net inserts this layer wherever a blob is used more than once, so that every diff has one
    writer. The tops share the bottom's values.

    bottom  x  (...)        top  y_k  (...)
    """

    tops = (1, None)
    scaling = EQUAL_BY_CHANNEL
    traits = Traits(passes_diff=0, per_unit=True, by_sample=True, moves=True, repeats=PASSES)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        for blob in top:
            blob.reshape(*bottom[0].shape)
            blob.share(bottom[0], diffs=False)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        pass

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        if propagate_down[0]:
            fold_tensors(self.engine, 'add', [blob.diffs for blob in top], bottom[0].diffs)
