"""Parts of MultiBoxLoss: its true boxes, the loss of confidences, and which of them count."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .....proto.caffe_pb2 import MultiBoxLossParameter as Fields
from ...base import Layer
from .boxes import are_objects, nms
from .errors import data_error
from .priors import IGNORED, UNMATCHED

TINY = np.finfo(np.float32).tiny


class Truth(NamedTuple):
    """The true boxes of an image."""

    labels: np.ndarray  # (G,)
    boxes: np.ndarray  # (G, 4)


def read_truth(layer: Layer, name: str, rows: np.ndarray, images: int) -> list[Truth]:
    """The true boxes of each image, from the rows (G, 8) of the blob `name`. Raises DataError."""
    p = layer.param.multibox_loss_param
    for i, wrong in complaints(p, rows, images):
        raise data_error(layer, f"row {i} of '{name}': {wrong}")
    item, labels = rows[:, 0].astype(int), rows[:, 1].astype(int)
    taken = are_objects(rows) & (p.use_difficult_gt | (rows[:, 7] == 0))
    found = []
    for image in range(images):
        own = taken & (item == image)
        found.append(Truth(labels[own], rows[own, 3:7]))
    return found


def complaints(p: Fields, rows: np.ndarray, images: int) -> Iterator[tuple[int, str]]:
    """What is wrong with the rows that are true boxes."""
    end = np.inf if p.map_object_to_agnostic else p.num_classes
    for i in np.flatnonzero(are_objects(rows)).tolist():
        image, label, _, *box, _ = rows[i].tolist()
        if image not in range(images):
            yield i, f'found image {image:g}, needed: -1 or the index of one of {images} images'
        if label == p.background_label_id:
            yield i, f'found class {label:g}, which is background_label_id'
        if not 0 <= label < end:
            yield i, f'found class {label:g}, needed: one of num_classes {p.num_classes}'
        if not np.isfinite(box).all() or box[0] >= box[2] or box[1] >= box[3]:
            yield i, f'found the box {box}, needed: xmin < xmax and ymin < ymax'


def targets(p: Fields, priors: int, prior: np.ndarray, label: np.ndarray) -> np.ndarray:
    """The target (priors, classes) of each confidence, from the priors that are matched and the
    classes of their true boxes.

    The others are background. With LOGISTIC and no mining they are of no class at all.
    """
    if p.conf_loss_type == p.SOFTMAX:
        own = np.full(priors, p.background_label_id)
        own[prior] = label
        return np.eye(p.num_classes)[own]
    target = np.zeros((priors, p.num_classes))
    target[prior, label] = 1
    if p.mining_type != p.NONE:
        target[~target.any(1), p.background_label_id] = 1
    return target


def confidence_loss(
    p: Fields, scores: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The loss (P,) of each prior's scores (P, classes), and its slopes (P, classes)."""
    if p.conf_loss_type == p.LOGISTIC:
        decay = np.exp(-np.abs(scores))
        loss = np.maximum(scores, 0) - scores * target + np.log1p(decay)
        probability = np.where(scores >= 0, 1, decay) / (1 + decay)
        return loss.sum(1), probability - target
    powers = np.exp(scores - scores.max(1, keepdims=True))
    probability = powers / powers.sum(1, keepdims=True)
    of_target = (probability * target).sum(1)
    return -np.log(np.maximum(of_target, TINY)), probability - target


def mine(
    p: Fields, found: np.ndarray, overlap: np.ndarray, loss: np.ndarray, boxes: np.ndarray
) -> np.ndarray:
    """Which priors of an image count (P,): by their true boxes `found`, overlaps, losses (P,) and
    boxes (P, 4)."""
    matched = found >= 0
    hard = p.mining_type == p.HARD_EXAMPLE
    may = np.ones_like(matched) if hard else (found == UNMATCHED) & (overlap < p.neg_overlap)
    ratio = np.float32(p.neg_pos_ratio)
    most = p.sample_size if hard else int(ratio * np.float32(matched.sum()))
    eligible = np.flatnonzero(may)
    order = by_loss(p, loss[eligible], boxes[eligible])
    chosen = np.zeros_like(matched)
    chosen[eligible[order[:most]]] = True
    if hard:
        return chosen & (found != IGNORED)
    return chosen | matched


def by_loss(p: Fields, loss: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The boxes by decreasing loss, without near-duplicates if nms_param says so."""
    if not p.HasField('nms_param') or not p.nms_param.nms_threshold > 0:
        return np.argsort(-loss, kind='stable')
    top_k = p.nms_param.top_k if p.nms_param.HasField('top_k') else -1
    return nms(boxes, loss, p.nms_param.nms_threshold, p.nms_param.eta, top_k)
