"""What SSD puts at its end: from codes and confidences to the boxes that are detected.

Scores are (N, classes, P) for P priors; a box that is out of the running has the score NOTHING.
"""

from typing import Any, NamedTuple

import numpy as np

from ...proto.caffe_pb2 import DetectionOutputParameter, PriorBoxParameter
from ..onnx_graph import OnnxGraph, Tensor
from ..registry import Inexpressible, onnx, torch
from ..steps import Step
from ..text import number
from ..torch_module import TorchModule

NOTHING = -3.4e38  # below any confidence


class Counts(NamedTuple):
    """places: boxes at each prior, one for all classes or one for each."""

    priors: int
    classes: int
    places: int


def counts(step: Step) -> Counts:
    p = step.param.detection_output_param
    places = 1 if p.share_location else p.num_classes
    return Counts(step.bottoms[2].shape[2] // 4, p.num_classes, places)


def most_of_class(p: DetectionOutputParameter) -> int:
    """nms_param.top_k, negative where all boxes take part."""
    return p.nms_param.top_k if p.nms_param.HasField('top_k') else -1


# -- ONNX


@onnx('DetectionOutput', unless='nms_param has eta below 1 or a threshold above 1')
def detection_output(
    g: OnnxGraph, step: Step, loc: Tensor, conf: Tensor, priors: Tensor, *_: Tensor
) -> Tensor:
    p = step.param.detection_output_param
    if p.nms_param.eta < 1:
        raise Inexpressible('nms_param.eta: a threshold that falls from box to box')
    if p.nms_param.nms_threshold > 1:
        raise Inexpressible('nms_threshold above 1')
    boxes = decoded(g, step, loc, priors)
    scores = eligible(g, step, conf)
    scores = suppressed(g, step, boxes, scores)
    scores = best_of_image(g, step, scores)
    return rows(g, step, boxes, scores)


# -- boxes


def decoded(g: OnnxGraph, step: Step, loc: Tensor, priors: Tensor) -> Tensor:
    """The corners of all boxes: (N, places, P, 4)."""
    p, n = step.param.detection_output_param, counts(step)
    codes = g.reshape(loc, [0, n.priors, n.places, 4])
    first = g.op('Slice', priors, [0], [1], [0])
    both = g.reshape(first, [2, n.priors, 1, 4])
    prior, variance = g.ops('Split', both, [1, 1], outputs=2, axis=0)
    if not p.variance_encoded_in_target:
        codes = codes * variance
    boxes = corners(g, p, codes, prior)
    if p.clip:
        boxes = g.op('Clip', boxes, 0, 1)
    return g.op('Transpose', boxes, perm=[0, 2, 1, 3])


def corners(g: OnnxGraph, p: DetectionOutputParameter, codes: Tensor, prior: Tensor) -> Tensor:
    """Boxes from their codes, as netlib's `decode` does it."""
    if p.code_type == PriorBoxParameter.CORNER:
        return prior + codes
    least, most = halves(g, prior)
    size = most - least
    if p.code_type == PriorBoxParameter.CORNER_SIZE:
        return prior + codes * g.concat([size, size], axis=3)
    offset, growth = halves(g, codes)
    center = (least + most) * 0.5 + offset * size
    half = g.op('Exp', growth) * size * 0.5
    return g.concat([center - half, center + half], axis=3)


def halves(g: OnnxGraph, x: Tensor) -> list[Tensor]:
    """The first and the last two of four numbers."""
    return g.ops('Split', x, [2, 2], outputs=2, axis=3)


# -- scores


def eligible(g: OnnxGraph, step: Step, conf: Tensor) -> Tensor:
    """The scores, with NOTHING for the background, for those that are not above the threshold, and
    for those that are not among the best top_k of their class."""
    p, n = step.param.detection_output_param, counts(step)
    by_prior = g.reshape(conf, [0, -1, n.classes])
    scores = g.op('Transpose', by_prior, perm=[0, 2, 1])
    if p.HasField('confidence_threshold'):
        above = g.op('Greater', scores, p.confidence_threshold)
        scores = g.op('Where', above, scores, NOTHING)
    if 0 <= p.background_label_id < n.classes:
        others = np.ones((1, n.classes, 1), bool)
        others[0, p.background_label_id] = False
        scores = g.op('Where', others, scores, NOTHING)
    return best(g, scores, most_of_class(p), n.priors, axis=2)


def best(g: OnnxGraph, scores: Tensor, most: int, extent: int, axis: int) -> Tensor:
    """The best `most` along an axis of this extent; NOTHING in place of the others."""
    if not 0 <= most < extent:
        return scores
    if most == 0:
        return nothing(g, scores)
    values, places = g.ops('TopK', scores, [most], outputs=2, axis=axis)
    return g.op('ScatterElements', nothing(g, scores), places, values, axis=axis)


def nothing(g: OnnxGraph, scores: Tensor) -> Tensor:
    """NOTHING in the scores' shape."""
    return g.op('Min', scores, NOTHING)


def suppressed(g: OnnxGraph, step: Step, boxes: Tensor, scores: Tensor) -> Tensor:
    """The scores, with NOTHING for boxes that overlap a better one of their class."""
    p, n = step.param.detection_output_param, counts(step)
    classes = n.classes
    if n.places > 1:  # to each class, as if it were an image, its own boxes
        scores, classes = g.reshape(scores, [-1, 1, n.priors]), 1
    chosen = g.op(
        'NonMaxSuppression',
        g.reshape(boxes, [-1, n.priors, 4]),
        with_lure(g, scores, any_left(g, scores), classes, n.priors),
        [n.priors],
        p.nms_param.nms_threshold,
        least_score(p),
    )
    kept = g.op('ScatterND', nothing(g, scores), chosen, g.op('GatherND', scores, chosen))
    return g.reshape(kept, [-1, n.classes, n.priors]) if n.places > 1 else kept


def least_score(p: DetectionOutputParameter) -> float:
    """What scores in the running exceed: OpenCV 5.0 wants a number that is not negative."""
    if p.HasField('confidence_threshold') and p.confidence_threshold >= 0:
        return 0.0
    return NOTHING


def any_left(g: OnnxGraph, scores: Tensor) -> Tensor:
    """Whether any box of any image is in the running: (1, 1, 1)."""
    return g.op('Greater', g.op('ReduceMax', scores, axes=[0, 1, 2], keepdims=1), NOTHING)


def with_lure(g: OnnxGraph, scores: Tensor, some: Tensor, classes: int, priors: int) -> Tensor:
    """The scores; if none is in the running, the first box of each image takes part. OpenCV 5.0
    dies of a list without entries."""
    lure = np.full((1, classes, priors), NOTHING, np.float32)
    lure[0, 0, 0] = 1
    return g.op('Where', some, scores, g.op('Max', scores, lure))


def best_of_image(g: OnnxGraph, step: Step, scores: Tensor) -> Tensor:
    """The scores of the best keep_top_k boxes of each image."""
    p, n = step.param.detection_output_param, counts(step)
    boxes = n.priors * n.classes
    if not 0 <= p.keep_top_k < boxes:
        return scores
    flat = best(g, g.op('Flatten', scores, axis=1), p.keep_top_k, boxes, axis=1)
    return g.reshape(flat, [-1, n.classes, n.priors])


# -- the list


def rows(g: OnnxGraph, step: Step, boxes: Tensor, scores: Tensor) -> Tensor:
    """A row for each box that is left, by image, class and confidence; where nothing is left one
    of -1 for each image."""
    n = counts(step)
    some = any_left(g, scores)
    lured = with_lure(g, scores, some, n.classes, n.priors)
    values, order = g.ops('TopK', lured, [n.priors], outputs=2, axis=2)
    left = g.op('NonZero', g.op('Greater', values, NOTHING))
    at = g.op('Transpose', left, perm=[1, 0])
    image, label, _ = g.ops('Split', at, [1, 1, 1], outputs=3, axis=1)
    prior = column(g, order, at)
    place = label if n.places > 1 else label * [0]
    box = g.op('GatherND', boxes, g.concat([image, place, prior], axis=1))
    found = g.concat([g.cast(label, 'float'), column(g, values, at), box], axis=1)
    found = g.op('Where', g.reshape(some, [1, 1]), found, -1.0)
    numbered = g.concat([g.cast(image, 'float'), found], axis=1)
    return g.op('Unsqueeze', numbered, [0, 1])


def column(g: OnnxGraph, x: Tensor, at: Tensor) -> Tensor:
    """What x has at these places, one below the other."""
    return g.op('Unsqueeze', g.op('GatherND', x, at), [1])


# -- PyTorch


@torch('DetectionOutput')
def detection_output_torch(
    t: TorchModule, step: Step, loc: str, conf: str, priors: str, *_: str
) -> str:
    p = step.param.detection_output_param
    codes = PriorBoxParameter.CodeType.Name(p.code_type)
    named: dict[str, Any] = {
        'classes': p.num_classes,
        'share_location': p.share_location,
        'background': p.background_label_id,
        'code_type': repr(codes.lower()),
        'use_variance': not p.variance_encoded_in_target,
        'nms_threshold': number(p.nms_param.nms_threshold),
        'eta': number(p.nms_param.eta),
        'top_k': most_of_class(p),
        'keep_top_k': p.keep_top_k,
    }
    if p.HasField('confidence_threshold'):
        named['confidence_threshold'] = number(p.confidence_threshold)
    if p.clip:
        named['clip'] = True
    return t.call('detection_output', loc, conf, priors, **named)
