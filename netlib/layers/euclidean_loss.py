from ..registry import register
from ..shapes import count
from .base import Blobs, Flags
from .shared.loss import Loss


@register
class EuclideanLoss(Loss):
    """L = 1/(2 N) sum (a - b)^2,  da = (a - b) / N = -db

    bottom  a  (N, ...)
            b  (N, ...)     same number of elements; both get a gradient
    top     L  ()
    """

    no_gradient = ()

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        a, b = bottom
        self.same_batch(bottom)
        if count(a.shape, 1) != count(b.shape, 1):
            raise self.error(
                f"Inputs must have the same dimension: '{a.name}' has {a.shape_text}, "
                f"'{b.name}' {b.shape_text}"
            )
        top[0].reshape()

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, a, loss = self.engine, bottom[0], top[0].values.reshape(1)
        difference = self.buffer('difference', a.count)
        e.binary('sub', a.values.reshape(-1), bottom[1].values.reshape(-1), out=difference)
        e.dot(difference, difference, out=loss)
        e.axpby(1 / (2 * self.batch), loss, 0, out=loss)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        difference = self.buffer('difference', bottom[0].count)
        for blob, wanted, sign in zip(bottom, propagate_down, (1, -1), strict=True):
            if wanted:
                weight = sign * self.loss_weight(top) / self.batch
                self.engine.axpby(weight, difference, 0, out=blob.diffs.reshape(-1))
