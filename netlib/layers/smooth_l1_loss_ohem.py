from ..registry import register
from ..shapes import count
from .base import Blobs
from .smooth_l1_loss import SmoothL1Loss


@register
class SmoothL1LossOHEM(SmoothL1Loss):
    """L = 1/D sum f(w (a - b)), and the terms of each place, from which hard examples are chosen

    f(d) = d^2 / 2 where |d| < 1, else |d| - 1/2

    bottom  a      (N, C, ...)
            b      (N, C, ...)      a and b get gradients, weights do not
            w      (N, C, ...)      optional
    top     L      ()
            terms  (N, 1, ...)      optional: the sums over C, undivided; no gradient

    D is the number of places (FULL, VALID), N (BATCH_SIZE), pre_fixed_normalizer (PRE_FIXED) or 1
    (NONE).

    Source: Dai et al. 2016 (R-FCN), section 3; caffe-rfcn's smooth_L1_loss_ohem_layer.
    """

    bottoms = (2, 3)
    tops = (1, 2)
    no_gradient = (2,)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        self.sigma2 = 1.0

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        super().reshape(bottom, top)
        x = bottom[0]
        self.axis(1, x)
        self.places = (x.shape[0], x.shape[1], count(x.shape, 2))
        if len(top) > 1:
            top[1].reshape(x.shape[0], 1, *x.shape[2:])

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        super().forward(bottom, top)
        if len(top) > 1:
            n = bottom[0].count
            clipped = self.buffer('clipped', n).reshape(*self.places)
            half = self.buffer('difference', n).reshape(*self.places)
            images, _, inner = self.places
            self.engine.dot(clipped, half, out=top[1].values.reshape(images, 1, inner))

    def divisor(self) -> float:
        images, _, inner = self.places
        mode = self.normalization(self.param.loss_param.VALID)
        return self.normalizer(mode, images, inner, lambda: images * inner)
