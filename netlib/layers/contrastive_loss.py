from ..memory import Tensor
from ..registry import register
from ..shapes import count
from .base import Blobs, Flags
from .shared.loss import Loss


@register
class ContrastiveLoss(Loss):
    """L = 1/(2 N) sum s d^2 + (1 - s) max(0, margin - d)^2, where d is the distance of a and b,
    and s is 1 for a similar pair

    da = (a - b) / N if similar, else -(a - b) max(0, margin - d) / (N (d + 1e-4)); db = -da. With
    legacy_version the second term is max(0, margin - d^2); its gradient is -(a - b) / N if it is
    positive.

    bottom  a  (N, C) or (N, C, 1, 1)
            b  the same
            s  (N,)             nonzero for a similar pair
    top     L  ()

    Source: Hadsell et al. 2006; BVLC Caffe's contrastive_loss_layer.
    """

    bottoms = 3
    no_gradient = (2,)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        a, b, similar = bottom
        self.same_batch(bottom)
        self.shape = a.shape[0], count(a.shape, 1, 2)
        rows = a.axes >= 2 and count(a.shape, 2) == 1
        if a.shape != b.shape or not rows or similar.count != a.shape[0]:
            found = ', '.join(f"'{blob.name}' {blob.shape_text}" for blob in bottom)
            raise self.error(
                'needs two bottoms (N, C) or (N, C, 1, 1) (bottom[0]->height() == 1) and N '
                f'similarities; found {found}'
            )
        top[0].reshape()

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, loss = self.engine, top[0].values.reshape(1, 1)
        square = self.measure_pairs(bottom)
        penalty = self.penalize(square)
        alike, other = self.sort_pairs(bottom[2].values.reshape(-1, 1))
        e.dot(alike, square, out=loss)
        e.dot(other, penalty, out=loss, accumulate=True)
        e.axpby(1 / (2 * self.batch), loss, 0, out=loss)

    def measure_pairs(self, bottom: Blobs) -> Tensor:
        """Compute a - b, d^2 and d; returns d^2."""
        e, difference = self.engine, self.buffer('difference', *self.shape)
        square, distance = self.column('square'), self.column('distance')
        a, b = bottom[0].values.reshape(*self.shape), bottom[1].values.reshape(*self.shape)
        e.binary('sub', a, b, out=difference)
        e.dot(difference, difference, out=square)
        e.unary('power', square, 0.5, 1, 0, out=distance)
        return square

    def penalize(self, square: Tensor) -> Tensor:
        """The loss of a dissimilar pair."""
        e, p = self.engine, self.param.contrastive_loss_param
        missing, penalty = self.column('missing'), self.column('penalty')
        far = square if p.legacy_version else self.column('distance')
        e.unary('power', far, 1, -1, p.margin, out=missing)
        e.unary('relu', missing, 0, out=missing)
        e.unary('power', missing, 1 if p.legacy_version else 2, 1, 0, out=penalty)
        return penalty

    def sort_pairs(self, similar: Tensor) -> tuple[Tensor, Tensor]:
        """Two columns of 0 and 1: similar pairs, and dissimilar pairs."""
        e, zero = self.engine, self.column('zero')
        alike, other = self.column('alike'), self.column('other')
        e.fill(0, out=zero)
        e.unary('trunc', similar, out=alike)
        e.binary('not_equal', alike, zero, out=alike)
        e.unary('power', alike, 1, -1, 1, out=other)
        return alike, other

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        e, difference = self.engine, self.buffer('difference', *self.shape)
        pull = self.pull()
        for blob, wanted, sign in zip(bottom[:2], propagate_down, (1, -1), strict=False):
            if wanted:
                dx = blob.diffs.reshape(*self.shape)
                e.binary('mul', difference, pull, out=dx)
                e.axpby(sign * self.loss_weight(top) / self.batch, dx, 0, out=dx)

    def pull(self) -> Tensor:
        """The factor of (a - b) / N for each pair."""
        e, pull, missing = self.engine, self.column('pull'), self.column('missing')
        if self.param.contrastive_loss_param.legacy_version:
            e.unary('sign', missing, out=pull)
        else:
            e.unary('power', self.column('distance'), 1, 1, 1e-4, out=pull)
            e.binary('div', missing, pull, out=pull)
        e.binary('mul', pull, self.column('other'), out=pull)
        e.binary('sub', self.column('alike'), pull, out=pull)
        return pull

    def column(self, name: str) -> Tensor:
        """A buffer of one number per pair."""
        return self.buffer(name, self.shape[0], 1)
