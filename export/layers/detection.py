"""What SSD puts after its convolutions: boxes to start from, and what is detected in the end."""

import numpy as np

from ...proto.caffe_pb2 import PriorBoxParameter
from ..registry import Inexpressible, onnx, torch
from ..text import number

NOTHING = -3.4e38  # below any confidence: a box that is out of the running


@onnx('PriorBox', 'PriorBoxClustered')
def prior_box(g, step, *_):
    """The boxes depend on shapes alone, which a file fixes: so they are a constant."""
    step.layer.forward(step.bottom_blobs, step.top_blobs)
    return g.constant(step.top_blobs[0].data.astype(np.float32), f'{step.name}/boxes')


@onnx('DetectionOutput', unless='nms_param has eta below 1 or a threshold above 1')
def detection_output(g, step, loc, conf, priors, *_):
    p = step.param.detection_output_param
    if p.nms_param.eta < 1:
        raise Inexpressible('nms_param.eta: a threshold that falls from box to box')
    if p.nms_param.nms_threshold > 1:
        raise Inexpressible('nms_threshold above 1')
    boxes = decoded(g, step, loc, priors)
    scores = eligible(g, step, g.reshape(conf, [0, -1, p.num_classes]))
    kept = suppressed(g, step, boxes, scores)
    return rows(g, step, boxes, best_of_image(g, step, kept))


def counts(step) -> tuple[int, int, int]:
    """Priors, classes, and boxes at each prior."""
    p = step.param.detection_output_param
    return step.bottoms[2].shape[2] // 4, p.num_classes, 1 if p.share_location else p.num_classes


def decoded(g, step, loc, priors):
    """The corners of all boxes: (N, places, P, 4), by class unless all share their location."""
    p, (count, _, places) = step.param.detection_output_param, counts(step)
    codes = g.reshape(loc, [0, count, places, 4])
    both = g.reshape(g.op('Slice', priors, [0], [1], [0]), [2, count, 1, 4])
    prior, variance = g.ops('Split', both, [1, 1], outputs=2, axis=0)
    if not p.variance_encoded_in_target:
        codes = g.op('Mul', codes, variance)
    return g.op('Transpose', corners(g, p, codes, prior), perm=[0, 2, 1, 3])


def corners(g, p, codes, prior):
    """Boxes from their codes, as netlib's `decode` does it."""
    if p.code_type == PriorBoxParameter.CORNER:
        return g.op('Add', prior, codes)
    least, most = g.ops('Split', prior, [2, 2], outputs=2, axis=3)
    size = g.op('Sub', most, least)
    if p.code_type == PriorBoxParameter.CORNER_SIZE:
        return g.op('Add', prior, g.op('Mul', codes, g.op('Concat', size, size, axis=3)))
    offset, growth = g.ops('Split', codes, [2, 2], outputs=2, axis=3)
    middle = g.op('Mul', g.op('Add', least, most), 0.5)
    center = g.op('Add', middle, g.op('Mul', offset, size))
    half = g.op('Mul', g.op('Mul', g.op('Exp', growth), size), 0.5)
    return g.op('Concat', g.op('Sub', center, half), g.op('Add', center, half), axis=3)


def eligible(g, step, conf):
    """The confidences (N, classes, P), with NOTHING for the background, for those that are not
    above the threshold, and for those that are not among the best top_k of their class."""
    p, (count, classes, _) = step.param.detection_output_param, counts(step)
    scores = g.op('Transpose', conf, perm=[0, 2, 1])
    if p.HasField('confidence_threshold'):
        above = g.op('Greater', scores, p.confidence_threshold)
        scores = g.op('Where', above, scores, NOTHING)
    if 0 <= p.background_label_id < classes:
        others = np.ones((1, classes, 1), bool)
        others[0, p.background_label_id] = False
        scores = g.op('Where', others, scores, NOTHING)
    top_k = p.nms_param.top_k if p.nms_param.HasField('top_k') else -1
    return best(g, scores, top_k, count, 2)


def best(g, scores, most, count, axis):
    """The best `most` along the last axis, of extent `count`; NOTHING in place of the others."""
    if not 0 <= most < count:
        return scores
    if most == 0:
        return nothing(g, scores)
    values, places = g.ops('TopK', scores, [most], outputs=2, axis=axis)
    return g.op('ScatterElements', nothing(g, scores), places, values, axis=axis)


def suppressed(g, step, boxes, scores):
    """The scores, with NOTHING for boxes that overlap a better one of their class."""
    p, (count, classes, places) = step.param.detection_output_param, counts(step)
    by_class = scores if places == 1 else g.reshape(scores, [-1, 1, count])
    _, lured = with_lure(g, by_class, classes if places == 1 else 1, count)
    chosen = g.op(
        'NonMaxSuppression',
        g.reshape(boxes, [-1, count, 4]),
        lured,
        [count],
        p.nms_param.nms_threshold,
        least_score(p),
    )
    kept = g.op('ScatterND', nothing(g, by_class), chosen, g.op('GatherND', by_class, chosen))
    return kept if places == 1 else g.reshape(kept, [-1, classes, count])


def nothing(g, scores):
    """NOTHING in the scores' shape."""
    return g.op('Min', scores, NOTHING)


def with_lure(g, scores, rows, count):
    """Whether any score is in the running; and the scores, of which one always is: where none is,
    the first box of each image takes part. OpenCV 5.0 dies of a list without entries."""
    some = g.op('Greater', g.op('ReduceMax', scores, axes=[0, 1, 2], keepdims=1), NOTHING)
    lure = np.full((1, rows, count), NOTHING, np.float32)
    lure[0, 0, 0] = 1
    return some, g.op('Where', some, scores, g.op('Max', scores, lure))


def least_score(p) -> float:
    """What scores in the running exceed: OpenCV 5.0 wants a number that is not negative."""
    if p.HasField('confidence_threshold') and p.confidence_threshold >= 0:
        return 0.0
    return NOTHING


def best_of_image(g, step, scores):
    """The scores of the best keep_top_k boxes of each image."""
    p, (count, classes, _) = step.param.detection_output_param, counts(step)
    if not 0 <= p.keep_top_k < count * classes:
        return scores
    flat = best(g, g.op('Flatten', scores, axis=1), p.keep_top_k, count * classes, 1)
    return g.reshape(flat, [-1, classes, count])


def rows(g, step, boxes, scores):
    """A row for each box that is left, by image, class and confidence; where nothing is left one
    of -1 for each image."""
    count, classes, places = counts(step)
    some, scores = with_lure(g, scores, classes, count)
    values, order = g.ops('TopK', scores, [count], outputs=2, axis=2)
    left = g.op('NonZero', g.op('Greater', values, NOTHING))
    at = g.op('Transpose', left, perm=[1, 0])
    image, label, _ = g.ops('Split', at, [1, 1, 1], outputs=3, axis=1)
    prior = g.op('Unsqueeze', g.op('GatherND', order, at), [1])
    place = label if places > 1 else g.op('Mul', label, [0])
    box = g.op('GatherND', boxes, g.op('Concat', image, place, prior, axis=1))
    score = g.op('Unsqueeze', g.op('GatherND', values, at), [1])
    found = g.op('Concat', g.cast(label, 'float'), score, box, axis=1)
    found = g.op('Where', g.reshape(some, [1, 1]), found, -1.0)
    return g.op('Unsqueeze', g.op('Concat', g.cast(image, 'float'), found, axis=1), [0, 1])


# -- PyTorch


@torch('PriorBox', 'PriorBoxClustered')
def prior_box_torch(t, step, x, data):
    p, layer = step.param.prior_box_param, step.layer
    places, image = tuple(step.x[2:]), tuple(layer.image or step.bottoms[1].shape[2:])
    steps = layer.step or [n / m for n, m in zip(image, places, strict=True)]
    sizes = [(round(float(w), 6), round(float(h), 6)) for w, h in layer.sizes]
    variance = [round(v, 6) for v in layer.variance]
    named = {'offset': number(p.offset), 'clip': p.clip}
    return t.call('prior_boxes', places, image, tuple(steps), sizes, variance, **named)


@torch('DetectionOutput')
def detection_output_torch(t, step, loc, conf, priors, *_):
    p = step.param.detection_output_param
    codes = PriorBoxParameter.CodeType.Name(p.code_type).lower()
    named = {
        'classes': p.num_classes,
        'share_location': p.share_location,
        'background': p.background_label_id,
        'code_type': repr(codes),
        'use_variance': not p.variance_encoded_in_target,
        'nms_threshold': number(p.nms_param.nms_threshold),
        'eta': number(p.nms_param.eta),
        'top_k': p.nms_param.top_k if p.nms_param.HasField('top_k') else -1,
        'keep_top_k': p.keep_top_k,
    }
    if p.HasField('confidence_threshold'):
        named['confidence_threshold'] = number(p.confidence_threshold)
    return t.call('detection_output', loc, conf, priors, **named)
