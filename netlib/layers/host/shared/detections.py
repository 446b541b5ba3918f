"""Parts of DetectionEvaluate: the sizes of its images, and the check of one class in one image."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ....errors import DataError
from .boxes import overlaps


def read_sizes(path: str) -> np.ndarray:
    """Width and height of each image, from lines of a name, height and width. Raises DataError."""
    try:
        lines = Path(path).read_text('utf-8').splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f'name_size_file {path}: cannot be read ({error})') from error
    sizes = []
    for i, line in enumerate(lines, 1):
        words = line.rsplit(maxsplit=2)
        if len(words) != 3 or not all(word.isdigit() and int(word) for word in words[1:]):
            raise DataError(
                f'name_size_file {path}, line {i}: found {line!r}, needed: name height width'
            )
        sizes.append((int(words[2]), int(words[1])))
    if not sizes:
        raise DataError(f'name_size_file {path}: is empty; needed: name height width per line')
    return np.array(sizes)


def in_pixels(boxes: np.ndarray, size: Iterable[int]) -> np.ndarray:
    """Boxes cut off at the image's edges, in pixels, with their last ones."""
    scaled = np.clip(boxes, 0, 1) * np.tile(np.array(size), 2)
    return scaled + np.array([0, 0, 1, 1])


def judge(boxes: np.ndarray, truth: np.ndarray, passed: np.ndarray, threshold: float) -> np.ndarray:
    """Right and wrong, 0 or 1 each, (K, 2) for the boxes (K, 4), best first, beside the true boxes
    (G, 4). Detections of those that are `passed` over are neither."""
    verdict = np.zeros((len(boxes), 2))
    is_found = np.zeros(len(truth), bool)
    for row, box in zip(verdict, boxes, strict=True):
        overlap = overlaps(box, truth)
        best = int(overlap.argmax()) if len(truth) else -1
        hits = best >= 0 and overlap[best] >= threshold
        if hits and passed[best]:
            continue
        is_right = hits and not is_found[best]
        row[:] = is_right, not is_right
        if hits:
            is_found[best] = True
    return verdict
