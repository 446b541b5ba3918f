from ..registry import register
from ..shapes import fold
from .loss import Loss

SMALLEST = 1.17549435e-38       # FLT_MIN: probabilities are clamped there before the logarithm, as in Caffe


@register
class SoftmaxWithLoss(Loss):
    """L = -sum log p[label] / normalizer, with p the softmax of the scores over the classes

    dx = (p - one_hot(label)) / normalizer; where the label is ignored, 0

    bottom  x      (..., classes, ...)      the classes lie along softmax_param.axis
            label  one per score vector     integers as floats
    top     L      ()

    The normalizer is the number of labels that are not ignored (VALID), all of them (FULL), the extent before the class
    axis (BATCH_SIZE), or 1 (NONE). Source: BVLC Caffe's softmax_loss_layer.
    """

    def reshape(self, bottom, top):
        x, label = bottom
        self.outer, self.classes, self.inner = fold(x.shape, self.axis(self.class_axis, x))
        if self.outer * self.inner != label.count:
            raise self.error('Number of labels must match number of predictions; e.g., if softmax axis == 1 and '
                             'prediction shape is (N, C, H, W), label count (number of labels) must be N*H*W, with '
                             f"integer values in {{0, 1, ..., C-1}}. Found '{x.name}' {x.shape_text}, "
                             f"'{label.name}' {label.shape_text}")
        top[0].reshape()

    def forward(self, bottom, top):
        e, shape = self.engine, (self.outer, self.classes, self.inner)
        p, log_p = self.buffer('p', *shape), self.buffer('log_p', *shape)
        target = self.buffer('target', *shape)
        e.softmax_forward(bottom[0].values.reshape(*shape), out=p)
        e.one_hot(bottom[1].values.reshape(self.outer, self.inner), self.ignored(), out=target)
        e.unary('log_floor', p, SMALLEST, out=log_p)
        loss = top[0].values
        e.dot(log_p, target, out=loss.reshape(1, 1, 1))
        e.axpby(-1 / self.divisor(target), loss, 0, out=loss)

    def backward(self, top, propagate_down, bottom):
        self.refuse_label_gradient(propagate_down)
        if not propagate_down[0]:
            return
        e, shape = self.engine, (self.outer, self.classes, self.inner)
        p, target = self.buffer('p', *shape), self.buffer('target', *shape)
        dx = bottom[0].diffs.reshape(*shape)
        counted = self.buffer('counted', self.outer, 1, self.inner)
        e.sum(target, out=counted)
        e.binary('mul', p, counted, out=dx)
        e.binary('sub', dx, target, out=dx)
        e.axpby(self.loss_weight(top) / self.divisor(target), dx, 0, out=dx)

    @property
    def class_axis(self):
        return self.param.softmax_param.axis

    def ignored(self):
        p = self.param.loss_param
        return p.ignore_label if p.HasField('ignore_label') else None

    def divisor(self, target):
        def valid():
            if self.ignored() is None:
                return self.outer * self.inner
            total = self.buffer('total', 1, 1, 1)
            self.engine.sum(target, out=total)
            return total.item()
        return self.normalizer(self.normalization(self.param.loss_param.VALID), self.outer, self.inner, valid)
