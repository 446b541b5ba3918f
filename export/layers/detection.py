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
    kept = suppressed(g, p, boxes, scores)
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
    return best(g, scores, top_k, count)


def best(g, scores, most, count):
    """The best `most` along the last axis, of extent `count`; NOTHING in place of the others."""
    if not 0 <= most < count:
        return scores
    values, places = g.ops('TopK', scores, [most], outputs=2, axis=-1)
    nothing = g.op('Expand', NOTHING, g.op('Shape', scores))
    return g.op('ScatterElements', nothing, places, values, axis=-1)


def suppressed(g, p, boxes, scores):
    """The scores, with NOTHING for boxes that overlap a better one of their class."""
    by_class = g.reshape(scores, [-1, 1, 0]) if not p.share_location else scores
    shape = g.op('Shape', boxes)
    last = g.op('Slice', shape, [2], [4])
    flat = g.op('Reshape', boxes, g.op('Concat', [-1], last, axis=0))
    count = g.op('Slice', shape, [2], [3])
    threshold = p.nms_param.nms_threshold
    chosen = g.op('NonMaxSuppression', flat, by_class, count, threshold, NOTHING)
    nothing = g.op('Expand', NOTHING, g.op('Shape', by_class))
    kept = g.op('ScatterND', nothing, chosen, g.op('GatherND', by_class, chosen))
    return g.op('Reshape', kept, g.op('Shape', scores))


def best_of_image(g, step, scores):
    """The scores of the best keep_top_k boxes of each image."""
    p, (count, classes, _) = step.param.detection_output_param, counts(step)
    if not 0 <= p.keep_top_k < count * classes:
        return scores
    flat = best(g, g.op('Flatten', scores, axis=1), p.keep_top_k, count * classes)
    return g.op('Reshape', flat, g.op('Shape', scores))


def rows(g, step, boxes, scores):
    """A row for each box that is left, by image, class and confidence; where nothing is left one
    of -1 for each image."""
    count = counts(step)[0]
    values, places = g.ops('TopK', scores, [count], outputs=2, axis=2)
    left = g.op('NonZero', g.op('Greater', values, NOTHING))
    at = g.op('Transpose', left, perm=[1, 0])
    image, label, _ = g.ops('Split', at, [1, 1, 1], outputs=3, axis=1)
    prior = g.op('Unsqueeze', g.op('GatherND', places, at), [1])
    class_or_0 = g.op('Mul', label, [0]) if counts(step)[2] == 1 else label
    box = g.op('GatherND', boxes, g.op('Concat', image, class_or_0, prior, axis=1))
    score = g.op('Unsqueeze', g.op('GatherND', values, at), [1])
    numbers = [g.cast(part, 'float') for part in (image, label)]
    found = g.op('Concat', *numbers, score, box, axis=1)
    return g.op('Unsqueeze', or_nothing(g, found, scores), [0, 1])


def or_nothing(g, found, scores):
    """The rows found, or where there is none for each image its number and six times -1."""
    images = g.op('Slice', g.op('Shape', scores), [0], [1])
    number_of = g.op('Range', 0.0, g.op('Squeeze', g.cast(images, 'float')), 1.0)
    empty = g.op('Expand', -1.0, g.op('Concat', images, [6], axis=0))
    nobody = g.op('Concat', g.op('Unsqueeze', number_of, [1]), empty, axis=1)
    rows = g.op('Slice', g.op('Shape', found), [0], [1])
    wanted = g.op('Where', g.op('Greater', rows, [0]), rows, images)
    return g.op('Slice', g.op('Concat', found, nobody, axis=0), [0], wanted)


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
