"""What each region of a photograph should be called, and how its box should move.

The label 0 is the background; class c of CLASSES has the label c + 1.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ..netlib.errors import DataError
from .boxes import corners, encode, overlaps
from .classes import CLASSES
from .devkit import Photograph

LABELS = len(CLASSES) + 1
FOREGROUND = 0.5  # the least overlap with an object


class Examples(NamedTuple):
    """The regions of a photograph, the boxes of its objects first, beside the object that each
    overlaps most."""

    boxes: np.ndarray  # (R, 4)
    overlap: np.ndarray  # (R,), 0 where there is no object
    labels: np.ndarray  # (R,), of the object: 1 to 20
    codes: np.ndarray  # (R, 4): what moves the region to the object's box; 0 below FOREGROUND


def examples_of(photograph: Photograph, regions: np.ndarray) -> Examples:
    """The examples that a photograph and its regions (R, 4) give. Difficult objects are left out.
    Raises DataError if there is none.

    Source: Girshick 2015 (Fast R-CNN), section 2.3.
    """
    objects = [box for box in photograph.boxes if not box.difficult]
    truth = corners(objects)
    boxes = np.concatenate([truth, regions]).astype(np.float32)
    if not len(boxes):
        raise DataError(
            f'{photograph.path}: found no regions and no objects except difficult ones, needed: a '
            'region or more'
        )
    if not objects:
        return without_objects(boxes)
    shared = overlaps(boxes, truth)
    nearest = shared.argmax(1)
    overlap = shared.max(1)
    labels = np.array([box.label + 1 for box in objects])[nearest]
    codes = np.zeros_like(boxes)
    positive = overlap >= FOREGROUND
    codes[positive] = encode(truth[nearest[positive]], boxes[positive])
    return Examples(boxes, overlap, labels, codes)


def without_objects(boxes: np.ndarray) -> Examples:
    """Examples of nothing but background."""
    none = np.zeros(len(boxes), np.float32)
    return Examples(boxes, none, none.astype(int), np.zeros_like(boxes))


def code_statistics(examples: Iterable[Examples]) -> np.ndarray:
    """The mean and the deviation of the codes of each label over a set and its mirror images: (2,
    LABELS, 4); 0 and 1 where a label has no example, and 1 for a deviation of 0.

    Source: Girshick 2015, section 2.3 (targets are normalized).
    """
    count = np.zeros((LABELS, 1))
    total = np.zeros((LABELS, 4))
    squares = np.zeros((LABELS, 4))
    for each in examples:
        positive = each.overlap >= FOREGROUND
        labels = each.labels[positive]
        codes = each.codes[positive].astype(float)
        np.add.at(count, labels, 1)
        np.add.at(total, labels, codes)
        np.add.at(squares, labels, codes**2)
    total[:, 0] = 0  # a mirror image has -dx
    mean = total / np.maximum(count, 1)
    variance = squares / np.maximum(count, 1) - mean**2
    # Of one example, or many alike, rounding leaves a little.
    varies = variance > 1e-12
    deviation = np.sqrt(variance, out=np.ones_like(variance), where=varies)
    return np.stack([mean, deviation]).astype(np.float32)


def mirrored_codes(codes: np.ndarray) -> np.ndarray:
    """The codes (..., 4) of the mirror images of regions and boxes."""
    return codes * np.array([-1, 1, 1, 1], codes.dtype)


def by_label(codes: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The codes (R, 4) at the places of their labels, and the weights that are 1 there: (R, 4
    LABELS) each. Background has neither."""
    targets = np.zeros((len(labels), LABELS, 4), np.float32)
    weights = np.zeros_like(targets)
    found = np.flatnonzero(labels)
    targets[found, labels[found]] = codes[found]
    weights[found, labels[found]] = 1
    return targets.reshape(len(labels), -1), weights.reshape(len(labels), -1)
