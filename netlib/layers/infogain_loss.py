from pathlib import Path

from ...proto import blob_to_array, read_blob
from ..memory import Tensor
from ..registry import register
from .base import Blobs, Flags
from .shared.labels import one_hot
from .softmax_with_loss import SoftmaxWithLoss

SMALLEST = 1e-20  # as in Caffe: the lower bound of a probability


@register
class InfogainLoss(SoftmaxWithLoss):
    """L = -sum over labels and classes of H[label, c] log p[c] / normalizer, with p the softmax of
    the scores

    dx[c] = (p[c] times the sum of H[label] - H[label, c]) / normalizer, or 0 where the label is
    ignored. If H is the identity, this is SoftmaxWithLoss; the normalizer is the same.

    bottom  x      (..., classes, ...)      classes along infogain_loss_param.axis
            label  one per score vector     integers as floats
            H      classes^2 elements       optional; by default read from the binaryproto file
                                            infogain_loss_param.source
    top     L      ()
            p      as x                     optional; loss_weight must then be given for both

    Source: BVLC Caffe's infogain_loss_layer.
    """

    bottoms = (2, 3)
    tops = (1, 2)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        source = self.param.infogain_loss_param.source
        if len(bottom) == 2 and not source:
            raise self.error(
                'Infogain matrix source must be specified, or a third bottom that contains it.'
            )
        if len(bottom) == 2:
            stored = blob_to_array(read_blob(Path(source)))
            self.stored = self.engine.tensor(stored.size)
            self.stored.array(write=True)[:] = stored.reshape(-1)

    def matrix(self, bottom: Blobs) -> Tensor:
        """H, as a flat tensor."""
        return bottom[2].values.reshape(-1) if len(bottom) > 2 else self.stored

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        super().reshape(bottom[:2], top)
        size, x = self.matrix(bottom).size, bottom[0]
        if size != self.classes**2:
            raise self.error(
                f'the infogain matrix H must have {self.classes} x {self.classes} elements, as '
                f"many rows as '{x.name}' {x.shape_text} has classes; found {size} elements"
            )
        if len(top) > 1:
            top[1].reshape(*x.shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, p = self.engine, self.scores('p')
        target, gain = self.scores('target'), self.scores('gain')
        label = bottom[1].values.reshape(self.outer, self.inner)
        H = self.matrix(bottom).reshape(self.classes, self.classes)
        e.softmax_forward(bottom[0].values.reshape(*p.shape), out=p)
        one_hot(self, 'loss_param', label, target)
        for n in range(self.outer):
            e.gemm(H, target[n], out=gain[n], transpose_a=True)
        self.sum_up(p, gain, top[0].values)
        self.normalize(-1, self.divisor(target), top[0].values)
        if len(top) > 1:
            e.copy(p, out=top[1].values.reshape(*p.shape))

    def sum_up(self, p: Tensor, gain: Tensor, loss: Tensor) -> None:
        """The sum of H[label, c] log p[c]."""
        log_p = self.scores('log_p')
        self.engine.unary('log_floor', p, SMALLEST, out=log_p)
        self.engine.dot(log_p, gain, out=loss.reshape(1, 1, 1))

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        self.refuse_label_gradient(propagate_down)
        if len(propagate_down) > 2 and propagate_down[2]:
            raise self.error('InfogainLoss Layer cannot backpropagate to infogain inputs.')
        if not propagate_down[0]:
            return
        e, p = self.engine, self.scores('p')
        target, gain = self.scores('target'), self.scores('gain')
        total = self.buffer('counted', self.outer, 1, self.inner)
        dx = bottom[0].diffs.reshape(*p.shape)
        e.sum(gain, out=total)
        e.binary('mul', p, total, out=dx)
        e.binary('sub', dx, gain, out=dx)
        self.normalize(self.loss_weight(top), self.divisor(target), dx)

    def scores(self, name: str) -> Tensor:
        """A buffer of one number per score."""
        return self.buffer(name, self.outer, self.classes, self.inner)

    @property
    def class_axis(self) -> int:
        return self.param.infogain_loss_param.axis
