"""Boxes (xmin, ymin, xmax, ymax), one per row: codes, overlap, and non-maximum suppression."""

import numpy as np

from .....proto.caffe_pb2 import PriorBoxParameter


def decode(codes: np.ndarray, priors: np.ndarray, code_type: int) -> np.ndarray:
    """Decode `codes` (..., 4) relative to their `priors`, whose shape is the same or broadcasts.

    CORNER: offsets of the corners. CORNER_SIZE: the same, in units of the prior's size.
    CENTER_SIZE: the offset of the center in units of the prior's size, and the logarithms of width
    and height in units of the prior's.
    """
    least = priors[..., :2]
    most = priors[..., 2:]
    size = most - least
    if code_type == PriorBoxParameter.CORNER:
        return priors + codes
    if code_type == PriorBoxParameter.CORNER_SIZE:
        return priors + codes * np.concatenate([size, size], -1)
    center = (least + most) / 2 + codes[..., :2] * size
    with np.errstate(over='ignore'):
        half = np.exp(codes[..., 2:]) * size / 2
    return np.concatenate([center - half, center + half], -1)


def encode(boxes: np.ndarray, priors: np.ndarray, code_type: int) -> np.ndarray:
    """The codes (..., 4) of `boxes` relative to their `priors`: the inverse of `decode`."""
    least, most = priors[..., :2], priors[..., 2:]
    size = most - least
    if code_type == PriorBoxParameter.CORNER:
        return boxes - priors
    if code_type == PriorBoxParameter.CORNER_SIZE:
        return (boxes - priors) / np.concatenate([size, size], -1)
    shift = (boxes[..., :2] + boxes[..., 2:] - least - most) / 2
    growth = (boxes[..., 2:] - boxes[..., :2]) / size
    return np.concatenate([shift / size, np.log(growth)], -1)


def extents(boxes: np.ndarray) -> np.ndarray:
    """Where boxes of pixels (..., 4), whose corners are both inside, start and end."""
    return boxes + np.array([0, 0, 1, 1], boxes.dtype)


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The area of intersection of one box with each of the `boxes`, over the area of union."""
    least = np.maximum(box[:2], boxes[:, :2])
    most = np.minimum(box[2:], boxes[:, 2:])
    shared = area(np.hstack([least, most]))
    with np.errstate(invalid='ignore', over='ignore'):
        union = area(box) + area(boxes) - shared
        return np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)


def are_objects(rows: np.ndarray) -> np.ndarray:
    """Which rows of true boxes (G, 8) stand for one: not those of image -1, nor zeros alone, which
    an input without data holds."""
    return (rows[:, 0] != -1) & rows.any(1)


def area(boxes: np.ndarray) -> np.ndarray:
    """Width times height; 0 if a box ends before it starts."""
    with np.errstate(invalid='ignore', over='ignore'):
        sides = boxes[..., 2:] - boxes[..., :2]
        return np.maximum(sides, 0).prod(-1)


def nms(
    boxes: np.ndarray, scores: np.ndarray, threshold: float, eta: float = 1, top_k: int = -1
) -> np.ndarray:
    """Non-maximum suppression: the rows of the `boxes` to keep, by decreasing score.

    A box among the best `top_k` (-1: all) is kept unless it overlaps a box already kept by more
    than the threshold. With eta < 1, the threshold is multiplied by eta for each box kept, as long
    as it is above 0.5.
    """
    left = np.argsort(-scores, kind='stable')
    if top_k >= 0:
        left = left[:top_k]
    worst = np.zeros(len(left), boxes.dtype)  # the largest overlap with a kept box
    kept = []
    while (passing := np.flatnonzero(worst <= threshold)).size:
        first = passing[0]
        best = left[first]
        kept.append(best)
        left = left[first + 1 :]
        with_best = overlaps(boxes[best], boxes[left])
        worst = np.maximum(worst[first + 1 :], with_best)
        if threshold > 0.5:
            threshold *= eta
    return np.array(kept, int)
