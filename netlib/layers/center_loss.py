from ..memory import Tensor
from ..registry import register
from ..shapes import count
from .base import Blobs, Flags
from .shared.loss import Loss


@register
class CenterLoss(Loss):
    """L = 1/(2 N) sum |x_i - c_y|^2, with a learned center c_y for the class y of each sample

    dx_i = (x_i - c_y) / N. The diff of a center is not the gradient of L, but the rule by which the
    paper moves it, whatever the weight of the loss: the sum of c_k - x_i over the n_k samples of
    class k, divided by 1 + n_k.

    bottom  x      (N, ..., K)      all axes from `axis` on are K features
            label  (N,)             integers as floats
    params  c      (num_output, K)
    top     L      ()

    Source: Wen et al. 2016 (A discriminative feature learning approach for deep face recognition),
    equations 2 to 4; caffe-face's center_loss_layer.
    """

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.param.center_loss_param
        if not p.num_output:
            raise self.error('num_output: found 0, needed: the number of classes')
        features = count(bottom[0].shape, self.axis(p.axis, bottom[0]))
        self.centers = self.add_param((p.num_output, features), p.center_filler)

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, label = bottom
        axis = self.axis(self.param.center_loss_param.axis, x)
        classes, features = self.centers.shape
        self.samples = count(x.shape[:axis])
        if count(x.shape, axis) != features or label.count != self.samples:
            raise self.error(
                f'needs {features} features and a label of each sample: '
                f"'{x.name}' has {x.shape_text}, '{label.name}' {label.shape_text}"
            )
        self.of_labels = (self.samples, classes)
        self.of_samples = (self.samples, features)
        top[0].reshape()

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        e, loss = self.engine, top[0].values.reshape(1, 1)
        label = bottom[1].values.reshape(self.samples, 1)
        target = self.buffer('target', *self.of_labels)
        distance = self.distance()
        e.one_hot(label, None, out=target.reshape(*self.of_labels, 1))
        e.gemm(target, self.centers.values, out=distance)
        e.axpby(1, bottom[0].values.reshape(*self.of_samples), -1, out=distance)
        e.dot(distance, distance, out=loss)
        e.axpby(0.5 / max(self.samples, 1), loss, 0, out=loss)

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        self.refuse_label_gradient(propagate_down)
        if self.centers.learns:
            self.move_centers()
        if propagate_down[0]:
            weight = self.loss_weight(top) / max(self.samples, 1)
            dx = bottom[0].diffs.reshape(*self.of_samples)
            self.engine.axpby(weight, self.distance(), 0, out=dx)

    def move_centers(self) -> None:
        """Add to the diff of each center the mean way to it, counting 1 sample more."""
        e, target = self.engine, self.buffer('target', *self.of_labels)
        classes, features = self.centers.shape
        counts = self.scratch('counts', 1, classes)
        ways = self.scratch('ways', classes, features)
        e.sum(target, out=counts)
        e.unary('power', counts, -1, -1, -1, out=counts)  # -1 / (1 + n)
        e.gemm(target, self.distance(), out=ways, transpose_a=True)
        e.binary('mul', ways, counts.reshape(classes, 1), out=ways)
        e.axpby(1, ways, 1, out=self.centers.diffs)

    def distance(self) -> Tensor:
        """x minus the center of its class."""
        return self.buffer('distance', *self.of_samples)
