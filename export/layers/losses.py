"""Losses, which a PyTorch module that is to be trained has, and nothing else."""

from typing import Any

from ..registry import Inexpressible, torch
from ..steps import Step
from ..text import number
from ..torch_module import TorchModule

LOSSES = {
    'ContrastiveLoss',
    'EuclideanLoss',
    'HingeLoss',
    'InfogainLoss',
    'MultinomialLogisticLoss',
    'SigmoidCrossEntropyLoss',
    'SmoothL1Loss',
    'SoftmaxWithLoss',
}


def normalization(step: Step, default: str) -> str:
    """loss_param's normalization in small letters; `normalize` is the older field."""
    p = step.param.loss_param
    if not p.HasField('normalization') and p.HasField('normalize'):
        return 'valid' if p.normalize else 'batch_size'
    if p.normalization == p.PRE_FIXED:
        raise Inexpressible('normalization: PRE_FIXED')
    name = p.NormalizationMode.Name(p.normalization).lower()
    return name if p.HasField('normalization') else default


def over_labels(step: Step, default: str = 'valid') -> dict[str, Any]:
    p = step.param.loss_param
    named: dict[str, Any] = {'normalization': repr(normalization(step, default))}
    if p.HasField('ignore_label'):
        named['ignore_label'] = p.ignore_label
    return named


@torch('SoftmaxWithLoss', unless='weight_by_label_freqs')
def softmax_with_loss(t: TorchModule, step: Step, x: str, label: str) -> str:
    p = step.param.loss_param
    if p.weight_by_label_freqs:
        raise Inexpressible('weight_by_label_freqs')
    axis = step.param.softmax_param.axis % len(step.x)
    named = over_labels(step)
    plain = axis == 1 and step.bottoms[1].shape == step.x[:1] + step.x[2:]
    if plain and named == {'normalization': "'valid'"}:
        return f'F.cross_entropy({x}, {label}.long())'
    return t.call('softmax_loss', x, label, axis, **named)


@torch('InfogainLoss', unless='the matrix comes from a file, or there is a second top')
def infogain_loss(t: TorchModule, step: Step, x: str, label: str, *matrix: str) -> str:
    if not matrix or len(step.tops) > 1:
        raise Inexpressible('a matrix from a file, or the probabilities as a second top')
    axis = step.param.infogain_loss_param.axis % len(step.x)
    return t.call('infogain_loss', x, label, matrix[0], axis, **over_labels(step))


@torch('SigmoidCrossEntropyLoss')
def sigmoid_cross_entropy_loss(t: TorchModule, step: Step, x: str, target: str) -> str:
    return t.call('sigmoid_loss', x, target, **over_labels(step, 'batch_size'))


@torch('EuclideanLoss')
def euclidean_loss(t: TorchModule, step: Step, a: str, b: str) -> str:
    return t.call('euclidean_loss', a, b)


@torch('SmoothL1Loss')
def smooth_l1_loss(t: TorchModule, step: Step, a: str, b: str, *weights: str) -> str:
    return t.call('smooth_l1_loss', a, b, number(step.param.smooth_l1_loss_param.sigma), *weights)


@torch('HingeLoss')
def hinge_loss(t: TorchModule, step: Step, x: str, label: str) -> str:
    p = step.param.hinge_loss_param
    return t.call('hinge_loss', x, label, p.norm == p.L2)


@torch('MultinomialLogisticLoss')
def multinomial_logistic_loss(t: TorchModule, step: Step, p: str, label: str) -> str:
    return t.call('logistic_loss', p, label)


@torch('ContrastiveLoss')
def contrastive_loss(t: TorchModule, step: Step, a: str, b: str, alike: str) -> str:
    p = step.param.contrastive_loss_param
    return t.call('contrastive_loss', a, b, alike, number(p.margin), p.legacy_version)
