from ..registry import register
from ..shapes import count
from .base import Blobs, Flags
from .shared.loss import Loss


@register
class HingeLoss(Loss):
    """L = 1/N sum max(0, 1 - s x), with s = 1 at the label and -1 elsewhere: one class against all
    others

    With norm: L2, the margins are squared before the sum. dx = -s / N where the margin 1 - s x is
    positive; with L2, this is multiplied by twice the margin.

    bottom  x      (N, ...)     one score per class for each sample
            label  (N,)         integers as floats
    top     L      ()
    """

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, label = bottom
        self.same_batch(bottom)
        self.N, self.classes = x.shape[0], count(x.shape, 1)
        if label.count != self.N:
            raise self.error(
                f"needs one label per sample: '{label.name}' has {label.shape_text}, "
                f"'{x.name}' {x.shape_text}"
            )
        top[0].reshape()

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, shape, loss = self.engine, (self.N, self.classes), top[0].values.reshape(1, 1)
        sign, margin = self.buffer('sign', *shape), self.buffer('margin', *shape)
        e.one_hot(bottom[1].values.reshape(self.N, 1), None, out=sign.reshape(*shape, 1))
        e.unary('power', sign, 1, -2, 1, out=sign)
        e.binary('mul', sign, bottom[0].values.reshape(*shape), out=margin)
        e.unary('power', margin, 1, 1, 1, out=margin)
        e.unary('relu', margin, 0, out=margin)
        if self.squared:
            e.dot(margin, margin, out=loss)
        else:
            e.sum(margin, out=loss)
        e.axpby(1 / self.batch, loss, 0, out=loss)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        self.refuse_label_gradient(propagate_down)
        if not propagate_down[0]:
            return
        e, shape = self.engine, (self.N, self.classes)
        sign, margin = self.buffer('sign', *shape), self.buffer('margin', *shape)
        dx = bottom[0].diffs.reshape(*shape)
        if self.squared:
            e.axpby(2, margin, 0, out=dx)
        else:
            e.unary('sign', margin, out=dx)
        e.binary('mul', dx, sign, out=dx)
        e.axpby(self.loss_weight(top) / self.batch, dx, 0, out=dx)

    @property
    def squared(self) -> bool:
        p = self.param.hinge_loss_param
        return p.norm == p.L2
