"""Average precision of one class: how well scores put what is right before what is wrong.

Three definitions, which differ by up to some percent:

    eleven_point   VOC 2007 to 2009: the mean over recalls 0, 0.1, ..., 1 of the best precision
                   reached at that recall or a higher one
    area           VOC 2010 and later: the area below precision as a function of recall, after each
                   precision has been raised to the best at any higher recall
    step           scikit-learn's average_precision_score: the sum of precision times the increase
                   in recall, nothing raised; equal scores count as one

Equal scores: the first two keep the order in which they are given, as VOC's devkit does.
Source: M. Everingham et al., The PASCAL Visual Object Classes (VOC) Challenge, IJCV 2010, section
4.2; development kits of VOC 2007 and 2010, VOCevalcls.m.
"""

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.metrics import average_precision_score

from .labels import IGNORED, PRESENT

RECALLS = np.arange(11) / 10


def precision_recall(is_right: np.ndarray, positives: int) -> tuple[np.ndarray, np.ndarray]:
    """Precision (N,) and recall (N,) after each of N answers.

    is_right (N,): of each answer, in the order of decreasing score. positives: how many right
    answers there are, found or not.
    """
    found = np.cumsum(is_right)
    precision = found / np.arange(1, len(found) + 1)
    return precision, found / max(positives, 1)


def eleven_point_of(precision: np.ndarray, recall: np.ndarray) -> float:
    """The 11-point measure of a curve."""
    best = []
    for at in RECALLS:
        reached = precision[recall >= at]
        best.append(reached.max(initial=0))
    return float(np.mean(best))


def area_of(precision: np.ndarray, recall: np.ndarray) -> float:
    """The area measure of a curve."""
    raised = np.maximum.accumulate(precision[::-1])[::-1]
    increase = np.diff(recall, prepend=0)
    return float(increase @ raised)


def eleven_point(scores: np.ndarray, labels: np.ndarray) -> float:
    """scores (N,); labels (N,): 1 right, 0 wrong, -1 left out. NaN if nothing is right."""
    return _of_curve(scores, labels, eleven_point_of)


def area(scores: np.ndarray, labels: np.ndarray) -> float:
    """As for eleven_point."""
    return _of_curve(scores, labels, area_of)


def step(scores: np.ndarray, labels: np.ndarray) -> float:
    """As for eleven_point."""
    counted = labels != IGNORED
    is_right = labels[counted] == PRESENT
    if not is_right.any():
        return np.nan
    return float(average_precision_score(is_right, scores[counted]))


MEASURES: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] = {
    'eleven_point': eleven_point,
    'area': area,
    'step': step,
}


def average_precision(scores: np.ndarray, labels: np.ndarray, measure: str) -> np.ndarray:
    """Of each class (C,), by the name of a measure. scores, labels: (N, C); a class without a right
    one has none, NaN."""
    function = MEASURES[measure]
    pairs = zip(scores.T, labels.T, strict=True)
    return np.array([function(score, label) for score, label in pairs])


def _of_curve(
    scores: np.ndarray, labels: np.ndarray, measure: Callable[[np.ndarray, np.ndarray], float]
) -> float:
    counted = labels != IGNORED
    order = np.argsort(-scores[counted], kind='stable')
    is_right = labels[counted][order] == PRESENT
    positives = int(is_right.sum())
    if not positives:
        return np.nan
    return measure(*precision_recall(is_right, positives))
