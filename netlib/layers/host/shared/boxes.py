"""Boxes (xmin, ymin, xmax, ymax), one per row: decoding, overlap, and non-maximum suppression."""

import numpy as np

from .....proto.caffe_pb2 import PriorBoxParameter


def decode(codes: np.ndarray, priors: np.ndarray, code_type: int) -> np.ndarray:
    """The boxes that `codes` (..., 4) stand for, seen from their `priors` of the same shape or one
    that broadcasts.

    CORNER: offsets of the corners. CORNER_SIZE: the same, as parts of the prior's size.
    CENTER_SIZE: the offset of the centre as a part of the prior's size, and the logarithm of width
    and height as parts of the prior's.
    """
    least, most = priors[..., :2], priors[..., 2:]
    size = most - least
    if code_type == PriorBoxParameter.CORNER:
        return priors + codes
    if code_type == PriorBoxParameter.CORNER_SIZE:
        return priors + codes * np.concatenate([size, size], -1)
    centre = (least + most) / 2 + codes[..., :2] * size
    with np.errstate(over='ignore'):
        half = np.exp(codes[..., 2:]) * size / 2
    return np.concatenate([centre - half, centre + half], -1)


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Of one box with each of the `boxes`: the area of what they share over that of their union."""
    shared = area(np.hstack([np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])]))
    with np.errstate(invalid='ignore', over='ignore'):
        return np.divide(
            shared, area(box) + area(boxes) - shared, out=np.zeros_like(shared), where=shared > 0
        )


def area(boxes: np.ndarray) -> np.ndarray:
    """Width times height; 0 where a box ends before it begins."""
    with np.errstate(invalid='ignore', over='ignore'):
        return np.maximum(boxes[..., 2:] - boxes[..., :2], 0).prod(-1)


def nms(
    boxes: np.ndarray, scores: np.ndarray, threshold: float, eta: float = 1, top_k: int = -1
) -> np.ndarray:
    """Non-maximum suppression: the rows of the `boxes` to keep, by falling score.

    Of the best `top_k` (-1: of all) a box is kept if it overlaps no box kept before by more than
    the threshold. With eta < 1 the threshold, as long as it is above 0.5, is multiplied by eta for
    each box kept.
    """
    left = np.argsort(-scores, kind='stable')[: None if top_k < 0 else top_k]
    worst, kept = np.zeros(len(left), boxes.dtype), []
    while (passing := np.flatnonzero(worst <= threshold)).size:
        first = passing[0]
        best, left = left[first], left[first + 1 :]
        worst = np.maximum(worst[first + 1 :], overlaps(boxes[best], boxes[left]))
        kept.append(best)
        if threshold > 0.5:
            threshold *= eta
    return np.array(kept, int)
