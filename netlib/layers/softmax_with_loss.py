from ..memory import Tensor
from ..registry import register
from ..shapes import fold
from .base import Blobs, Flags
from .shared.labels import ignored, labels_named, one_hot
from .shared.loss import Loss

# FLT_MIN: as in Caffe, the lower bound of probabilities before the logarithm.
SMALLEST = 1.17549435e-38


@register
class SoftmaxWithLoss(Loss):
    """L = -sum log p[label] / normalizer, with p the softmax of the scores over the classes

    dx = (p - one_hot(label)) / normalizer, or 0 where the label is ignored

    bottom  x      (..., classes, ...)      classes along softmax_param.axis
            label  one per score vector     integers as floats
    top     L      ()

    The normalizer is the number of labels that are not ignored (VALID), the number of all labels
    (FULL), the extent before the class axis (BATCH_SIZE), or 1 (NONE). With weight_by_label_freqs,
    the terms of L and dx are weighted by class_weighting[label] or, without it, by 1 / (the label's
    count in the batch). The normalizer is not weighted.

    Source: BVLC Caffe's softmax_loss_layer; SegNet's for the weights.
    """

    class_weights: Tensor | None = None

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.loss_param
        if p.class_weighting and not p.weight_by_label_freqs:
            raise self.error('class_weighting requires weight_by_label_freqs: true')
        if p.class_weighting:
            self.class_weights = self.engine.tensor(1, len(p.class_weighting), 1)
            self.class_weights.array(write=True)[0, :, 0] = p.class_weighting

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, label = bottom
        self.outer, self.classes, self.inner = fold(x.shape, self.axis(self.class_axis, x))
        if self.outer * self.inner != label.count:
            raise self.error(
                'Number of labels must match number of predictions; e.g., if softmax axis == 1 and '
                'prediction shape is (N, C, H, W), label count (number of labels) must be N*H*W, '
                f"with integer values in {{0, 1, ..., C-1}}. Found '{x.name}' {x.shape_text}, "
                f"'{label.name}' {label.shape_text}"
            )
        if self.class_weights and self.class_weights.size != self.classes:
            raise self.error(
                'Number of class weight values does not match the number of classes: found '
                f"{self.class_weights.size} class_weighting, '{x.name}' has {x.shape_text}"
            )
        top[0].reshape()

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, loss = self.engine, top[0].values
        x = bottom[0].values.reshape(self.outer, self.classes, self.inner)
        label = bottom[1].values.reshape(self.outer, self.inner)
        p = self.work.for_backward('p', *x.shape)
        e.softmax_forward(x, out=p)
        if self.is_plain:
            factor = -1 / self.divisor_of_all()
            out = loss.reshape(1, 1, 1)
            with labels_named(self, 'loss_param'):
                e.cross_entropy(p, label, SMALLEST, factor, out=out)
            return
        log_p, target = self.scratch('log_p', *x.shape), self.work.for_backward('target', *x.shape)
        one_hot(self, 'loss_param', label, target)
        e.unary('log_floor', p, SMALLEST, out=log_p)
        self.divided_by = self.divisor(target)
        if self.param.loss_param.weight_by_label_freqs:
            e.binary('mul', target, self.class_weights or self.rarities(target), out=target)
        e.dot(log_p, target, out=loss.reshape(1, 1, 1))
        self.normalize(-1, self.divided_by, loss)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        self.refuse_label_gradient(propagate_down)
        if not propagate_down[0]:
            return
        e, dx = self.engine, bottom[0].diffs.reshape(self.outer, self.classes, self.inner)
        p = self.work.for_backward('p', *dx.shape)
        if self.is_plain:
            factor = self.loss_weight(top) / self.divisor_of_all()
            label = bottom[1].values.reshape(self.outer, self.inner)
            e.cross_entropy_backward(p, label, factor, out=dx)
            return
        target = self.work.for_backward('target', *dx.shape)
        weights = self.buffer('weights', self.outer, 1, self.inner)
        e.sum(target, out=weights)
        e.binary('mul', p, weights, out=dx)
        e.binary('sub', dx, target, out=dx)
        self.normalize(self.loss_weight(top), self.divided_by, dx)

    def rarities(self, target: Tensor) -> Tensor:
        """1 / (the number of times each class is the target); 1 if it never is."""
        counts = self.buffer('counts', 1, self.classes, 1)
        self.engine.sum(target, out=counts)
        self.engine.unary('clip', counts, 1, self.outer * self.inner, out=counts)
        self.engine.unary('power', counts, -1, 1, 0, out=counts)
        return counts

    @property
    def class_axis(self) -> int:
        return self.param.softmax_param.axis

    @property
    def is_plain(self) -> bool:
        """Whether every label counts, and all of them the same."""
        p = self.param.loss_param
        return ignored(p) is None and not p.weight_by_label_freqs

    @property
    def mode(self) -> int:
        return self.normalization(self.param.loss_param.VALID)

    def labels(self) -> float:
        return self.outer * self.inner

    def divisor_of_all(self) -> float:
        """The normalizer if every label counts."""
        return self.normalizer(self.mode, self.outer, self.inner, self.labels)

    def divisor(self, target: Tensor) -> float | Tensor:
        p = self.param.loss_param
        if self.mode == p.VALID and ignored(p) is not None:
            return self.count_ones(target)
        return self.divisor_of_all()
