from typing import Any

import numpy as np

from ....proto.caffe_pb2 import DetectionEvaluateParameter, ResizeParameter
from ...errors import DataError
from ...registry import register
from ..base import Blobs, Flags, Layer
from ..traits import Traits
from .shared.boxes import are_objects
from .shared.detections import in_pixels, judge, read_sizes
from .shared.errors import data_error


@register
class DetectionEvaluate(Layer):
    """Which detections are right: for each class but background the number of its true boxes, then
    a row for each detection

    In each image and class the detection with the greatest confidence comes first. It is right if
    the true box that it overlaps most, by overlap_threshold or more, has not been found before, and
    wrong otherwise. With evaluate_difficult_gt: false difficult boxes are not counted, and a
    detection of one is neither.

    With name_size_file (a line with name, height and width for each image, in the order of the
    passes) overlaps are those of whole pixels: both ends count.

    bottom  found   (1, 1, K, 7)        image, class, confidence, xmin, ymin, xmax, ymax, from
                                        DetectionOutput
            truth   (1, 1, G, 8)        image (-1: none), class, instance, xmin, ymin, xmax, ymax,
                                        difficult
    top     y       (1, 1, C + K, 5)    C rows: -1, class, true boxes, -1, -1; K rows by image,
                                        class and confidence: image, class, confidence, right, wrong

    Source: Everingham et al. 2010 (Pascal VOC), section 4.2; SSD's detection_evaluate_layer.
    """

    bottoms = 2
    no_gradient = (0, 1)
    traits = Traits(answers=True, indices=(1,))

    @property
    def fields(self) -> DetectionEvaluateParameter:
        return self.param.detection_evaluate_param

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        p = self.fields
        if not p.num_classes:
            raise self.error('num_classes: found 0, needed: the number of classes with background')
        if not p.overlap_threshold > 0:
            raise self.error(f'overlap_threshold: found {p.overlap_threshold:g}, needed: > 0')
        if p.resize_param.resize_mode == ResizeParameter.FIT_LARGE_SIZE_AND_PAD:
            raise self.error('resize_param: FIT_LARGE_SIZE_AND_PAD is not known here: remove it')
        self.classes = [c for c in range(p.num_classes) if c != p.background_label_id]
        self.images = 0  # seen so far, modulo the lines of name_size_file
        try:
            self.sizes = read_sizes(p.name_size_file) if p.name_size_file else None
        except DataError as error:
            raise data_error(self, str(error)) from error

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        for blob, columns in zip(bottom, (7, 8), strict=True):
            if blob.axes != 4 or blob.shape[:2] != (1, 1) or blob.shape[3] != columns:
                raise self.error(
                    f"needs boxes (1, 1, K, {columns}): '{blob.name}' has {blob.shape_text}"
                )
        top[0].reshape(1, 1, len(self.classes) + bottom[0].shape[2], 5)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        found, truth = (blob.values.array()[0, 0] for blob in bottom)
        truth = truth[are_objects(truth)]
        background = self.fields.background_label_id
        if (truth[:, 1] == background).any():
            raise data_error(
                self, f"'{bottom[1].name}' has a true box of background_label_id ({background})"
            )
        rows = self.counts(truth)
        for image in np.unique(found[:, 0]):
            rows += self.of_image(found[found[:, 0] == image], truth[truth[:, 0] == image])
        top[0].data = np.concatenate(rows)[None, None]

    def counts(self, truth: np.ndarray) -> list[np.ndarray]:
        """The rows that say how many true boxes each class has."""
        counted = self.fields.evaluate_difficult_gt | (truth[:, 7] == 0)
        labels = truth[counted, 1]
        rows = [np.empty((0, 5))]
        for label in self.classes:
            rows.append(np.array([[-1, label, (labels == label).sum(), -1, -1]]))
        return rows

    def of_image(self, found: np.ndarray, truth: np.ndarray) -> list[np.ndarray]:
        """The rows of an image's detections, class by class."""
        size = None if self.sizes is None else self.sizes[self.images]
        rows = []
        for label in np.unique(found[:, 1]):
            own = found[found[:, 1] == label]
            own = own[np.argsort(-own[:, 2], kind='stable')]
            there = truth[truth[:, 1] == label]
            boxes, true = own[:, 3:], there[:, 3:7]
            if size is not None:
                boxes, true = in_pixels(boxes, size), in_pixels(true, size)
            passed = (there[:, 7] != 0) & (not self.fields.evaluate_difficult_gt)
            verdict = judge(boxes, true, passed, self.fields.overlap_threshold)
            rows.append(np.hstack([own[:, :3], verdict]))
        if self.sizes is not None:
            self.images = (self.images + 1) % len(self.sizes)
        return rows

    def state(self) -> dict[str, Any]:
        return {**super().state(), 'images': self.images}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self.images = state['images']

    def backward(self, top: Blobs, propagate_down: Flags, bottom: Blobs) -> None:
        self.refuse_gradient(propagate_down)
