from ..memory import Tensor
from ..registry import register
from ..shapes import count
from .base import Blobs, Flags
from .shared.loss import Loss


@register
class SigmoidCrossEntropyLoss(Loss):
    """L = -sum (t log p + (1 - t) log(1 - p)) / normalizer, with p = sigmoid(x)

    dx = (p - t) / normalizer

    Each score is an independent yes-or-no prediction. Where the target, truncated to an integer, is
    ignore_label, loss and gradient are 0. The normalizer is that of SoftmaxWithLoss, except that
    the default is BATCH_SIZE.

    bottom  x  (N, ...)
            t  (N, ...)     targets in 0 .. 1, one per score
    top     L  ()

    Source: BVLC Caffe's sigmoid_cross_entropy_loss_layer.
    """

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, t = bottom
        self.same_batch(bottom)
        if x.count != t.count:
            raise self.error(
                'SIGMOID_CROSS_ENTROPY_LOSS layer inputs must have the same count: '
                f"'{x.name}' has {x.shape_text}, '{t.name}' {t.shape_text}"
            )
        self.outer, self.inner = x.shape[0], count(x.shape, 1)
        top[0].reshape()

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, loss = self.engine, top[0].values.reshape(1)
        x, t = bottom[0].values.reshape(-1), bottom[1].values.reshape(-1)
        losses, counted = self.buffer('t', x.size), self.buffer('counted', x.size)
        self.mark_counted(t, losses, counted)
        e.binary('sigmoid_cross_entropy', x, t, out=losses)
        e.dot(losses, counted, out=loss)
        self.normalize(1, self.divisor(counted), loss)

    def mark_counted(self, t: Tensor, truncated: Tensor, counted: Tensor) -> None:
        """counted = 0 where the target is to be ignored, else 1; `truncated` is scratch."""
        e, p = self.engine, self.param.loss_param
        e.fill(1, out=counted)
        if p.HasField('ignore_label'):
            label = self.buffer('label', 1)
            e.fill(p.ignore_label, out=label)
            e.unary('trunc', t, out=truncated)
            e.binary('not_equal', truncated, label, out=counted)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        self.refuse_label_gradient(propagate_down)
        if not propagate_down[0]:
            return
        e, counted = self.engine, self.buffer('counted', bottom[0].count)
        dx = bottom[0].diffs.reshape(-1)
        e.unary('sigmoid', bottom[0].values.reshape(-1), out=dx)
        e.binary('sub', dx, bottom[1].values.reshape(-1), out=dx)
        e.binary('mul', dx, counted, out=dx)
        self.normalize(self.loss_weight(top), self.divisor(counted), dx)

    def divisor(self, counted: Tensor) -> float | Tensor:
        p = self.param.loss_param
        mode = self.normalization(p.BATCH_SIZE)
        if mode == p.VALID and p.HasField('ignore_label'):
            return self.count_ones(counted)
        return self.normalizer(mode, self.outer, self.inner, lambda: self.outer * self.inner)
