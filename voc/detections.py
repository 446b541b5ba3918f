"""The objects found in a set of photographs, and how many of them are right."""

from collections.abc import Sequence

import numpy as np

from ..netlib.layers.host.shared.boxes import extents
from ..netlib.layers.host.shared.detections import judge
from .average_precision import eleven_point_of, precision_recall
from .boxes import corners, suppress
from .classes import CLASSES
from .devkit import Photograph
from .finder import SUPPRESSED, Scored

OVERLAP = 0.5  # with an object, from which a box is right


class Detections:
    """The best boxes of each class over a set of images.

    Before suppression an image keeps at most `most` of each class, and the set of each class
    `average` times as many as it has images. Source: Girshick 2015 (Fast R-CNN), the published test
    code.
    """

    def __init__(self, most: int = 100, average: int = 40, classes: int = len(CLASSES)):
        self.most = most
        self.average = average
        self.classes = classes
        self.images = 0
        self.rows: list[list[np.ndarray]] = [[] for _ in range(classes)]

    def add(self, scored: Scored) -> None:
        """The next image."""
        for label, rows in enumerate(self.rows):
            scores = scored.scores[:, label]
            best = np.argsort(-scores, kind='stable')[: self.most]
            image = np.full(len(best), self.images)
            columns = [image, scores[best], scored.boxes[best, label]]
            rows.append(np.column_stack(columns))
        self.images += 1

    def of_class(self, label: int) -> np.ndarray:
        """(K, 6): image, score, x1, y1, x2, y2 of the boxes of a class, the best first."""
        rows = np.concatenate([np.empty((0, 6)), *self.rows[label]])
        best = np.argsort(-rows[:, 1], kind='stable')[: self.average * self.images]
        rows = rows[best]
        kept = []
        for image in np.unique(rows[:, 0]):
            of_image = np.flatnonzero(rows[:, 0] == image)
            left = suppress(rows[of_image, 2:], rows[of_image, 1], SUPPRESSED)
            kept.append(of_image[left])
        order = np.sort(np.concatenate([np.empty(0, int), *kept]))
        return rows[order]


def average_precisions(
    detections: Detections, photographs: Sequence[Photograph], overlap: float = OVERLAP
) -> np.ndarray:
    """The 11-point average precision of each class (C,); NaN for one without objects."""
    labels = range(detections.classes)
    found = [detections.of_class(label) for label in labels]
    return np.array([class_precision(found[i], photographs, i, overlap) for i in labels])


def class_precision(
    rows: np.ndarray, photographs: Sequence[Photograph], label: int, overlap: float = OVERLAP
) -> float:
    """The 11-point average precision of the boxes of a class, rows as of Detections.of_class.

    A box is right if the object that it overlaps most has this overlap with it or more, and no
    better box has found that. Boxes of difficult objects are neither right nor wrong. NaN if no
    object counts. Source: M. Everingham et al., The PASCAL Visual Object Classes (VOC) Challenge,
    IJCV 2010, section 4.4.
    """
    verdicts = np.zeros((len(rows), 2))
    positives = 0
    for image, photograph in enumerate(photographs):
        objects = [box for box in photograph.boxes if box.label == label]
        difficult = np.array([box.difficult for box in objects], bool)
        positives += int((~difficult).sum())
        own = np.flatnonzero(rows[:, 0] == image)
        truth = extents(corners(objects))
        verdicts[own] = judge(extents(rows[own, 2:]), truth, difficult, overlap)
    if not positives:
        return np.nan
    counted = verdicts[verdicts.any(1)]
    return eleven_point_of(*precision_recall(counted[:, 0], positives))
