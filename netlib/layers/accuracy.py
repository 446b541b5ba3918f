from ..memory import Tensor
from ..registry import register
from ..shapes import fold
from .base import Blobs, Flags, Layer
from .shared.labels import one_hot
from .traits import PASSES, Traits


@register
class Accuracy(Layer):
    """The fraction of labels whose class is among the top_k scores

    A label is correct if fewer than top_k other classes score at least as high as its own class, so
    ties count against it. Ignored labels are left out; if none remain, the fraction is 0.

    bottom  x          (..., classes, ...)      classes along `axis`
            label      one per score vector     integers as floats
    top     accuracy   ()
            per class  (classes,)               optional: the fraction for the labels of each class

    Source: BVLC Caffe's accuracy_layer.
    """

    bottoms = 2
    tops = (1, 2)
    traits = Traits(answers=True, indices=(1,), repeats=PASSES)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, label = bottom
        p = self.param.accuracy_param
        self.outer, self.classes, self.inner = fold(x.shape, self.axis(p.axis, x))
        if self.outer * self.inner != label.count:
            raise self.error(
                'Number of labels must match number of predictions; e.g., if label axis == 1 and '
                'prediction shape is (N, C, H, W), label count (number of labels) must be N*H*W, '
                f"with integer values in {{0, 1, ..., C-1}}. Found '{x.name}' {x.shape_text}, "
                f"'{label.name}' {label.shape_text}"
            )
        if p.top_k > self.classes:
            raise self.error(
                'top_k must be less than or equal to the number of classes: found '
                f'{p.top_k} for {self.classes}'
            )
        top[0].reshape()
        if len(top) > 1:
            top[1].reshape(self.classes)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e = self.engine
        target = self.buffer('target', self.outer, self.classes, self.inner)
        label = bottom[1].values.reshape(self.outer, self.inner)
        one_hot(self, 'accuracy_param', label, target)
        found = self.found(bottom[0].values.reshape(*target.shape), target)
        e.binary('mul', target, found, out=self.buffer('hit', *target.shape))
        for blob in top:
            self.share(target, blob.values.reshape(1, blob.count, 1))

    def found(self, x: Tensor, target: Tensor) -> Tensor:
        """(outer, 1, inner): 1 where the label is among the first top_k."""
        e, p = self.engine, self.param.accuracy_param
        score = self.buffer('score', self.outer, 1, self.inner)
        below = self.buffer('hit', *x.shape)
        least = self.buffer('least', 1, 1, 1)
        # An infinite score times the zeros of `target` would not be 0.
        # No score compares above NaN, so a NaN is not found.
        e.unary('clip', x, -3e38, 3e38, out=below)
        e.dot(below, target, out=score)
        e.binary('greater', score, below, out=below)
        e.sum(below, out=score)
        e.fill(self.classes - p.top_k, out=least)
        e.binary('greater_equal', score, least, out=score)
        return score

    def share(self, target: Tensor, out: Tensor) -> None:
        """out (1, n, 1) = hits / labels, over all classes or for each class."""
        e, labels = self.engine, self.buffer('labels', *out.shape)
        one = self.buffer('one', 1, 1, 1)
        e.fill(1, out=one)
        e.sum(target, out=labels)
        e.binary('max', labels, one, out=labels)
        e.sum(self.buffer('hit', *target.shape), out=out)
        e.binary('div', out, labels, out=out)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        self.refuse_gradient(propagate_down)
