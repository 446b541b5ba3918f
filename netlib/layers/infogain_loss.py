from pathlib import Path

from ...proto import blob_to_array, read_blob
from ..registry import register
from .base import Blobs
from .softmax_with_loss import SoftmaxWithLoss

SMALLEST = 1e-20  # as in Caffe: what a probability counts for at least


@register
class InfogainLoss(SoftmaxWithLoss):
    """L = -sum over labels and classes of H[label, c] log p[c] / normalizer, with p the softmax of
    the scores

    dx[c] = (p[c] times the sum of H[label] - H[label, c]) / normalizer; where the label is ignored,
    0. With the identity for H this is SoftmaxWithLoss, whose normalizer it shares.

    bottom  x      (..., classes, ...)      the classes lie along infogain_loss_param.axis
            label  one per score vector     integers as floats
            H      classes^2 elements       optional: else read from infogain_loss_param.source, a binaryproto
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
                'Infogain matrix source must be specified, or a third bottom that holds it.'
            )
        if len(bottom) == 2:
            stored = blob_to_array(read_blob(Path(source)))
            self.stored = self.engine.tensor(stored.size)
            self.stored.array(write=True)[:] = stored.reshape(-1)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        super().reshape(bottom[:2], top)
        matrix = bottom[2].values if len(bottom) > 2 else self.stored
        if matrix.size != self.classes**2:
            raise self.error(
                f'the infogain matrix H must have {self.classes} x {self.classes} elements, as many rows '
                f"as '{bottom[0].name}' {bottom[0].shape_text} has classes; found {matrix.size} elements"
            )
        if len(top) > 1:
            top[1].reshape(*bottom[0].shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, shape, loss = self.engine, (self.outer, self.classes, self.inner), top[0].values
        p, log_p, target, gain = (
            self.buffer(name, *shape) for name in ('p', 'log_p', 'target', 'gain')
        )
        matrix = (bottom[2].values if len(bottom) > 2 else self.stored).reshape(
            self.classes, self.classes
        )
        e.softmax_forward(bottom[0].values.reshape(*shape), out=p)
        e.one_hot(bottom[1].values.reshape(self.outer, self.inner), self.ignored(), out=target)
        for n in range(self.outer):
            e.gemm(matrix, target[n], out=gain[n], transpose_a=True)
        e.unary('log_floor', p, SMALLEST, out=log_p)
        e.dot(log_p, gain, out=loss.reshape(1, 1, 1))
        e.axpby(-1 / self.divisor(target), loss, 0, out=loss)
        if len(top) > 1:
            e.axpby(1, p, 0, out=top[1].values.reshape(*shape))

    def backward(self, top: Blobs, propagate_down: list[bool], bottom: Blobs) -> None:
        self.refuse_label_gradient(propagate_down)
        if len(propagate_down) > 2 and propagate_down[2]:
            raise self.error('InfogainLoss Layer cannot backpropagate to infogain inputs.')
        if not propagate_down[0]:
            return
        e, shape = self.engine, (self.outer, self.classes, self.inner)
        p, target, gain = (self.buffer(name, *shape) for name in ('p', 'target', 'gain'))
        total, dx = (
            self.buffer('counted', self.outer, 1, self.inner),
            bottom[0].diffs.reshape(*shape),
        )
        e.sum(gain, out=total)
        e.binary('mul', p, total, out=dx)
        e.binary('sub', dx, gain, out=dx)
        e.axpby(self.loss_weight(top) / self.divisor(target), dx, 0, out=dx)

    @property
    def class_axis(self):
        return self.param.infogain_loss_param.axis
