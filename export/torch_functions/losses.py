"""The losses, as Caffe weighs and divides them."""

import torch
from torch.nn import functional as F


def divided(total, normalization, counted, outer, inner):
    """A sum over labels, over what the normalization says; `counted` labels are not ignored."""
    divisor = {'valid': counted, 'full': outer * inner, 'batch_size': outer, 'none': 1}
    return total / max(float(divisor[normalization]), 1.0)


def labeled_rows(x, label, axis, ignore_label):
    """The scores of all classes, a row for each label that counts, and these labels."""
    x = x.movedim(axis, -1).flatten(0, -2)
    label = label.flatten().long()
    if ignore_label is None:
        return x, label
    counted = label != ignore_label
    return x[counted], label[counted]


def softmax_loss(x, label, axis, normalization, ignore_label=None, weight=None):
    """-log of the probability of each label, summed and divided."""
    outer = x.shape[:axis].numel()
    inner = label.numel() // outer
    x, label = labeled_rows(x, label, axis, ignore_label)
    total = F.cross_entropy(x, label, weight=weight, reduction='sum')
    return divided(total, normalization, len(label), outer, inner)


def infogain_loss(x, label, matrix, axis, normalization, ignore_label=None):
    """-log of the probabilities, weighted by the row of the matrix that each label names."""
    outer, classes = x.shape[:axis].numel(), x.shape[axis]
    inner = label.numel() // outer
    x, label = labeled_rows(x, label, axis, ignore_label)
    gain = matrix.reshape(classes, classes)[label]
    total = -(gain * x.softmax(1).clamp(min=1e-20).log()).sum()
    return divided(total, normalization, len(label), outer, inner)


def sigmoid_loss(x, target, normalization, ignore_label=None):
    """-log of the probability of each target 0 or 1, summed and divided."""
    losses = F.binary_cross_entropy_with_logits(x, target.reshape(x.shape), reduction='none')
    counted = torch.ones_like(losses)
    if ignore_label is not None:
        counted = (target.reshape(x.shape).trunc() != ignore_label).to(x.dtype)
    inner = x[0].numel()
    return divided((losses * counted).sum(), normalization, counted.sum(), len(x), inner)


def euclidean_loss(a, b):
    """Half the squared distance, on average over the samples."""
    return ((a - b.reshape(a.shape)) ** 2).sum() / (2 * len(a))


def smooth_l1_loss(a, b, sigma, inside=1.0, outside=1.0):
    """Squares of small differences, the size of large ones."""
    difference = inside * (a - b)
    zero = torch.zeros_like(difference)
    losses = F.smooth_l1_loss(difference, zero, reduction='none', beta=1 / sigma**2)
    return (outside * losses).sum() / len(a)


def hinge_loss(x, label, squared):
    """By how much scores miss the margin of 1 on the right side of 0."""
    x = x.flatten(1)
    sign = 1 - 2 * F.one_hot(label.flatten().long(), x.shape[1]).to(x.dtype)
    missing = (1 + sign * x).clamp(min=0)
    return ((missing**2) if squared else missing).sum() / len(x)


def logistic_loss(p, label):
    """-log of the probability of each label, on average."""
    p = p.flatten(1)
    chosen = p.gather(1, label.reshape(-1, 1).long())
    return -chosen.clamp(min=1e-20).log().sum() / len(p)


def contrastive_loss(a, b, alike, margin, legacy):
    """Squared distances of pairs that are alike, and what others lack of the margin."""
    square = ((a - b).flatten(1) ** 2).sum(1)
    alike = (alike.flatten().trunc() != 0).to(a.dtype)
    if legacy:
        missing = (margin - square).clamp(min=0)
    else:
        missing = (margin - (square + 1e-30).sqrt()).clamp(min=0) ** 2
    return (alike * square + (1 - alike) * missing).sum() / (2 * len(a))
