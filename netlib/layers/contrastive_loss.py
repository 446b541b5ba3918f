from ..registry import register
from ..shapes import count
from .loss import Loss


@register
class ContrastiveLoss(Loss):
    """L = 1/(2 N) sum s d^2 + (1 - s) max(0, margin - d)^2, with d the distance of a and b, s 1 where they are alike

    da = (a - b) / N where alike, else -(a - b) max(0, margin - d) / (N (d + 1e-4)); db = -da. With legacy_version the second
    term is max(0, margin - d^2), and its gradient -(a - b) / N where that is positive.

    bottom  a  (N, C) or (N, C, 1, 1)
            b  the same
            s  (N,)             not 0 where a pair is alike
    top     L  ()

    Source: Hadsell et al. 2006; BVLC Caffe's contrastive_loss_layer.
    """

    bottoms = 3
    no_gradient = (2,)

    def reshape(self, bottom, top):
        a, b, similar = bottom
        self.shape = a.shape[0], count(a.shape, 1, 2)
        if a.shape != b.shape or a.axes < 2 or count(a.shape, 2) != 1 or similar.count != a.shape[0]:
            raise self.error('needs two bottoms (N, C) or (N, C, 1, 1) (bottom[0]->height() == 1) and N similarities; '
                             'found ' + ', '.join(f"'{blob.name}' {blob.shape_text}" for blob in bottom))
        top[0].reshape()

    def forward(self, bottom, top):
        e, p, loss = self.engine, self.param.contrastive_loss_param, top[0].values.reshape(1, 1)
        difference = self.buffer('difference', *self.shape)
        similar, other, square, distance, margin, zero = map(
            self.column, ('similar', 'other', 'square', 'distance', 'margin', 'zero'))
        e.binary('sub', bottom[0].values.reshape(*self.shape), bottom[1].values.reshape(*self.shape), out=difference)
        e.dot(difference, difference, out=square)
        e.unary('power', square, 0.5, 1, 0, out=distance)
        e.unary('power', square if p.legacy_version else distance, 1, -1, p.margin, out=margin)
        e.unary('relu', margin, 0, out=margin)
        e.fill(0, out=zero)
        e.unary('trunc', bottom[2].values.reshape(-1, 1), out=similar)
        e.binary('not_equal', similar, zero, out=similar)
        e.unary('power', similar, 1, -1, 1, out=other)
        e.dot(similar, square, out=loss)
        e.dot(other, margin, out=loss, accumulate=True) if p.legacy_version else self.add_squares(other, margin, loss)
        e.axpby(1 / (2 * self.shape[0]), loss, 0, out=loss)
