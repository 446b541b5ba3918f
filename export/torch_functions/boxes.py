"""Boxes around objects: priors, and what a detector finds."""

import torch


def prior_boxes(places, image, step, sizes, variance, offset, clip):
    """Boxes (1, 2, 4 H W B) of these sizes (width, height) around each place of a map, as parts of
    the image, and their variances."""
    y, x = ((torch.arange(n) + offset) * s for n, s in zip(places, step, strict=True))
    centers = torch.stack(torch.meshgrid(x, y, indexing='xy'), -1)[:, :, None]
    half = torch.tensor(sizes) / 2
    boxes = torch.cat([centers - half, centers + half], -1)
    boxes = boxes / torch.tensor([image[1], image[0], image[1], image[0]])
    boxes = boxes.clamp(0, 1) if clip else boxes
    variances = torch.tensor(variance).expand(boxes.shape)
    return torch.stack([boxes.flatten(), variances.flatten()])[None]


def decode_boxes(codes, priors, code_type):
    """The corners that codes stand for, seen from their priors."""
    least, most = priors.chunk(2, -1)
    size = most - least
    if code_type == 'corner':
        return priors + codes
    if code_type == 'corner_size':
        return priors + codes * torch.cat([size, size], -1)
    offset, growth = codes.chunk(2, -1)
    center = (least + most) / 2 + offset * size
    half = growth.exp() * size / 2
    return torch.cat([center - half, center + half], -1)


def non_maximum_suppression(boxes, scores, threshold, eta, most):
    """The boxes to keep, by falling score: none overlaps a better one by more than the threshold,
    which falls by the factor eta with each as long as it is above 0.5."""
    order = scores.sort(descending=True, stable=True).indices
    order = order if most < 0 else order[:most]
    boxes = boxes[order]
    areas = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1)
    worst, kept = torch.zeros_like(areas), []
    for i in range(len(order)):
        if worst[i] > threshold:
            continue
        kept.append(i)
        least = torch.maximum(boxes[i, :2], boxes[:, :2])
        most_ = torch.minimum(boxes[i, 2:], boxes[:, 2:])
        shared = (most_ - least).clamp(min=0).prod(1)
        overlap = shared / (areas[i] + areas - shared).clamp(min=1e-30)
        worst = torch.maximum(worst, overlap)
        threshold = threshold * eta if threshold > 0.5 else threshold
    return order[kept]


def class_rows(image, label, boxes, scores, least, suppression):
    """A row (image, class, confidence, x1, y1, x2, y2) for each box of one class in one image."""
    chosen = (scores > least).nonzero()[:, 0]
    boxes, scores = boxes[chosen], scores[chosen]
    kept = non_maximum_suppression(boxes, scores, *suppression)
    front = scores.new_tensor([image, label]).expand(len(kept), 2)
    return torch.cat([front, scores[kept, None], boxes[kept]], 1)


def most_confident(rows, most):
    """At most so many rows of an image, in their order; negative: all."""
    if most < 0:
        return rows
    best = rows[:, 2].sort(descending=True, stable=True).indices[:most]
    return rows[best.sort().values]


def detection_output(
    loc,
    conf,
    priors,
    classes,
    share_location,
    background,
    code_type,
    use_variance,
    nms_threshold,
    eta,
    top_k,
    keep_top_k,
    confidence_threshold=float('-inf'),
    clip=False,
):
    """The rows of all images, (1, 1, K, 7); where nothing is found, one of -1 for each image."""
    images, places = len(loc), 1 if share_location else classes
    priors, variance = priors[0].reshape(2, -1, 1, 4)
    codes = loc.reshape(images, -1, places, 4)
    boxes = decode_boxes(codes * variance if use_variance else codes, priors, code_type)
    boxes = boxes.clamp(0, 1) if clip else boxes
    boxes = boxes.expand(-1, -1, classes, -1)
    conf = conf.reshape(images, -1, classes)
    suppression = (nms_threshold, eta, top_k)
    rows = []
    for image in range(images):
        found = [conf.new_zeros(0, 7)]
        for label in range(classes):
            if label != background:
                own, scores = boxes[image, :, label], conf[image, :, label]
                found.append(
                    class_rows(image, label, own, scores, confidence_threshold, suppression)
                )
        rows.append(most_confident(torch.cat(found), keep_top_k))
    rows = torch.cat(rows)
    if not len(rows):
        rows = conf.new_full((images, 7), -1)
        rows[:, 0] = torch.arange(images)
    return rows[None, None]
