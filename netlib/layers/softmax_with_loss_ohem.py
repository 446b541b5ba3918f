from ..registry import register
from .base import Blobs
from .softmax_with_loss import SMALLEST, SoftmaxWithLoss


@register
class SoftmaxWithLossOHEM(SoftmaxWithLoss):
    """L as SoftmaxWithLoss has it, and the terms of each label, from which hard examples are chosen

    bottom  x      (..., classes, ...)      classes along softmax_param.axis
            label  one per score vector     integers as floats
    top     L      ()
            p      the shape of x           optional: the probabilities; no gradient
            terms  (..., 1, ...)            optional: -log p[label], 0 where it is ignored,
                                            undivided; no gradient

    Source: Dai et al. 2016 (R-FCN), section 3; caffe-rfcn's softmax_loss_ohem_layer.
    """

    tops = (1, 3)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        super().reshape(bottom, top)
        x = bottom[0]
        axis = self.axis(self.class_axis, x)
        if len(top) > 1:
            top[1].reshape(*x.shape)
        if len(top) > 2:
            top[2].reshape(*x.shape[:axis], 1, *x.shape[axis + 1 :])

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        super().forward(bottom, top)
        e, shape = self.engine, (self.outer, self.classes, self.inner)
        p = self.work.for_backward('p', *shape)
        if len(top) > 1:
            e.copy(p, out=top[1].values.reshape(*shape))
        if len(top) > 2:
            terms = top[2].values.reshape(self.outer, 1, self.inner)
            log_p = self.scratch('log_p', *shape)
            e.unary('log_floor', p, SMALLEST, out=log_p)
            e.dot(log_p, self.work.for_backward('target', *shape), out=terms)
            e.axpby(-1, terms, 0, out=terms)
