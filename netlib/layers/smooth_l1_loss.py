from ..registry import register
from .base import Blobs, Flags
from .shared.loss import Loss


@register
class SmoothL1Loss(Loss):
    """L = 1/N sum v f(w (a - b))

    f(d) = (sigma d)^2 / 2 where |d| < 1 / sigma^2, else |d| - 1 / (2 sigma^2)

    With c = d clipped to +- 1 / sigma^2: f(d) = sigma^2 c (d - c / 2), and da = sigma^2 v w c / N =
    -db.

    bottom  a  (N, ...)
            b  (N, ...)     a and b get gradients, weights do not
            w  (N, ...)     optional "inside" weights
            v  (N, ...)     optional "outside" weights
    top     L  ()

    SSD's fork takes at most three bottoms, and its sigma is 1. Its gradient lacks the factor w,
    which does not matter for weights 0 and 1. Source: Girshick 2015 (Fast R-CNN), equation 3;
    caffe-fast-rcnn's smooth_L1_loss_layer.
    """

    bottoms = (2, 4)
    no_gradient: tuple[int, ...] = (2, 3)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        self.sigma2 = self.param.smooth_l1_loss_param.sigma**2
        if not self.sigma2:
            raise self.error('sigma: found 0, needed: a nonzero number')

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        self.same_batch(bottom)
        axes = max(blob.axes for blob in bottom)
        shapes = set()
        for blob in bottom:
            shapes.add(blob.shape + (1,) * (axes - blob.axes))
        if len(shapes) > 1:
            found = ', '.join(f"'{blob.name}' has {blob.shape_text}" for blob in bottom)
            raise self.error(f'all bottoms must have the same shape: {found}')
        top[0].reshape()

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, n, loss = self.engine, bottom[0].count, top[0].values.reshape(1)
        a, b, *weights = [blob.values.reshape(n) for blob in bottom]
        difference, clipped = self.buffer('difference', n), self.buffer('clipped', n)
        e.binary('sub', a, b, out=difference)
        if weights:
            e.binary('mul', difference, weights[0], out=difference)
        e.unary('clip', difference, -1 / self.sigma2, 1 / self.sigma2, out=clipped)
        e.axpby(-0.5, clipped, 1, out=difference)
        if len(weights) > 1:
            e.binary('mul', clipped, weights[1], out=clipped)
        e.dot(clipped, difference, out=loss)
        e.axpby(self.sigma2 / self.divisor(), loss, 0, out=loss)

    def divisor(self) -> float:
        """What the sum is divided by."""
        return self.batch

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        e, clipped = self.engine, self.buffer('clipped', bottom[0].count)
        for blob, wanted, sign in zip(bottom, propagate_down, (1, -1, 0, 0), strict=False):
            if wanted:
                weight = sign * self.loss_weight(top) * self.sigma2 / self.divisor()
                e.axpby(weight, clipped, 0, out=blob.diffs.reshape(-1))
                if len(bottom) > 2:
                    e.binary('mul', blob.diffs, bottom[2].values, out=blob.diffs)
