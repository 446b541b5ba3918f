import numpy as np

from ...registry import register
from ...shapes import fold
from ..base import Blobs, Flags, Layer
from ..traits import Traits
from .shared.errors import data_error


@register
class SegAccuracy(Layer):
    """The scores of a segmentation: the fraction of right pixels, the mean over classes of the
    fraction of a class's pixels that are right, and the mean over classes of intersection over
    union

    A pixel's answer is the class of its greatest score; ties go to the larger class. Pixels with an
    ignore_label do not count. The second mean is over the classes that labels have, the third over
    those that labels or answers have. 0 where nothing counts.

    bottom  x       (N, classes, ...)       scores
            label   one per score vector    integers as floats
    top     scores  (1, 1, 1, 3)

    Source: Chen et al. 2015 (DeepLab); its seg_accuracy_layer, also in PSPNet.
    """

    bottoms = 2
    no_gradient = (0, 1)
    traits = Traits(answers=True, indices=(1,))

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        x, label = bottom
        self.outer, self.classes, self.inner = fold(x.shape, self.axis(1, x))
        if label.count != self.outer * self.inner or not self.classes:
            raise self.error(
                'Number of labels must match number of predictions: '
                f"'{x.name}' has {x.shape_text}, '{label.name}' {label.shape_text}"
            )
        top[0].reshape(1, 1, 1, 3)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        scores = bottom[0].values.array().reshape(self.outer, self.classes, self.inner)
        reverse = scores[:, ::-1].argmax(1)
        answer = (self.classes - 1 - reverse).reshape(-1)
        label = bottom[1].values.array().reshape(-1).astype(int)
        counts = ~np.isin(label, self.param.seg_accuracy_param.ignore_label)
        self.check_labels(label[counts])
        pairs = label[counts] * self.classes + answer[counts]
        confusion = np.bincount(pairs, minlength=self.classes**2)
        table = confusion.reshape(self.classes, self.classes)
        right, labelled, answered = table.diagonal(), table.sum(1), table.sum(0)
        top[0].data[0, 0, 0] = (
            right.sum() / max(int(table.sum()), 1),
            mean_of_classes(right, labelled),
            mean_of_classes(right, labelled + answered - right),
        )

    def check_labels(self, label: np.ndarray) -> None:
        wrong = label[(label < 0) | (label >= self.classes)]
        if wrong.size:
            raise data_error(
                self,
                f'found the label {wrong[0]}: labels must be in 0 .. {self.classes - 1}; '
                f'seg_accuracy_param {{ ignore_label: {wrong[0]} }} leaves it out',
            )

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        self.refuse_gradient(propagate_down)


def mean_of_classes(right: np.ndarray, all: np.ndarray) -> float:
    """The mean of right / all over the classes that have any; 0 if none has."""
    some = all > 0
    return float(np.mean(right[some] / all[some])) if some.any() else 0.0
