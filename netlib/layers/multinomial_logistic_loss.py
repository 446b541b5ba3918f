from math import inf

from ..registry import register
from ..shapes import count
from .base import Blobs, Flags
from .shared.loss import Loss

SMALLEST = 1e-20  # as in Caffe: the lower bound of a probability


@register
class MultinomialLogisticLoss(Loss):
    """L = -1/N sum log p[label];  dp = -1 / (N p) at the label, else 0

    SoftmaxWithLoss equals a Softmax followed by this, and is numerically more stable.

    bottom  p      (N, ...)     one probability per class for each sample
            label  (N,)         integers as floats
    top     L      ()
    """

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        p, label = bottom
        self.same_batch(bottom)
        if label.count != p.shape[0]:
            raise self.error(
                f"needs one label per sample: '{label.name}' has {label.shape_text}, "
                f"'{p.name}' {p.shape_text}"
            )
        self.shape = p.shape[0], count(p.shape, 1)
        top[0].reshape()

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, loss = self.engine, top[0].values.reshape(1, 1)
        p, label = bottom[0].values.reshape(*self.shape), bottom[1].values.reshape(-1, 1)
        target, log_p = self.buffer('target', *self.shape), self.buffer('log_p', *self.shape)
        e.one_hot(label, None, out=target.reshape(*self.shape, 1))
        e.unary('log_floor', p, SMALLEST, out=log_p)
        e.dot(log_p, target, out=loss)
        e.axpby(-1 / self.batch, loss, 0, out=loss)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        self.refuse_label_gradient(propagate_down)
        if propagate_down[0]:
            e, dp = self.engine, bottom[0].diffs.reshape(*self.shape)
            p = bottom[0].values.reshape(*self.shape)
            e.unary('clip', p, SMALLEST, inf, out=dp)
            e.binary('div', self.buffer('target', *self.shape), dp, out=dp)
            e.axpby(-self.loss_weight(top) / self.batch, dp, 0, out=dp)
