"""Predictions for prior boxes: their counts, and which prior is matched with which true box."""

import numpy as np

from ....blob import Blob
from ....shapes import count
from ...base import Layer
from .boxes import overlaps

UNMATCHED, IGNORED = -1, -2
LEAST_OVERLAP = 1e-6


def count_priors(layer: Layer, priors: Blob) -> int:
    """The number P of priors in a blob (1, 2, 4 P). Raises LayerError."""
    if priors.axes < 3 or priors.shape[1] != 2 or priors.shape[2] % 4:
        raise layer.error(f"priors must be (1, 2, 4 P): '{priors.name}' has {priors.shape_text}")
    return priors.shape[2] // 4


def check_predictions(layer: Layer, priors: int, each: int, blob: Blob, what: str) -> None:
    """Raises LayerError unless a bottom has `each` values for each prior."""
    needed = priors * each
    if count(blob.shape, 1) != needed:
        raise layer.error(
            f'Number of priors must match number of {what} predictions: {priors} priors '
            f"need {needed}, '{blob.name}' has {blob.shape_text}"
        )


def match(
    boxes: np.ndarray, truth: np.ndarray, threshold: float | None = None, inside: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """For each of the boxes (P, 4), the index of its true box (G, 4) or UNMATCHED, and their
    overlap: (P,) each.

    Every true box gets the box that overlaps it most, the best pair of all first. With a threshold,
    each other box gets the true box that it overlaps most, if by that much. With `inside`, boxes
    that leave the image (0 to 1) are IGNORED. The overlap of a box without match is its greatest.
    """
    table = np.stack([overlaps(box, boxes) for box in truth], 1)
    table[~(table > LEAST_OVERLAP)] = 0
    found = np.full(len(boxes), UNMATCHED)
    if inside:
        outside = ((boxes < 0) | (boxes > 1)).any(1)
        found[outside] = IGNORED
        table[outside] = 0
    overlap = table.max(1, initial=0)
    left = table.copy()
    for _ in range(len(truth) if table.size else 0):
        box, target = np.unravel_index(left.argmax(), left.shape)
        if not left[box, target]:
            break
        found[box], overlap[box] = target, left[box, target]
        left[box] = left[:, target] = 0
    if threshold is not None:
        more = (found == UNMATCHED) & (overlap > 0) & (overlap >= threshold)
        found[more] = table[more].argmax(1)
    return found, overlap
