"""The gradient quotient of MetaInit: how much a gradient step would change the gradient."""

from collections.abc import Sequence

import numpy as np
from numpy import ndarray

from ..netlib import Net
from .activations import Batch
from .loss_gradients import LossGradients, check_loss
from .measures import Row
from .reach import affine_layers
from .walk import measuring

EPSILON = 1e-5  # of the paper's section 3


def gradient_quotient(
    net: Net, batches: Sequence[Batch], rows: Sequence[Row], dropout: bool = False
) -> float:
    """The mean over all weights w of |(g - H g) / (g + e) - 1| with g = dL/dw, H the second
    derivatives, e = 1e-5 with the sign of g (Dauphin & Schoenholz 2019, section 3).

    0 where the loss is linear along its gradient, so that a step leaves the gradient as it is. Each
    row, one for each affine layer, is given the mean over its layer's weights. L is the mean loss
    over the batches; H g is a finite difference, so this takes two forward and two backward passes
    per batch. Raises NetError for a net without a loss.
    """
    check_loss(net, 'gradient quotient')
    loss = LossGradients(net)
    with measuring(net, dropout):
        _, gradient = loss.at(batches)
        curved = loss.curvature(batches, gradient, gradient)
    quotients = {param: quotient(gradient[param], curved[param]) for param in loss.params}
    for layer, row in zip(affine_layers(net), rows, strict=True):
        if layer.weight.owner in quotients:
            row.gradient_quotient = float(quotients[layer.weight.owner].mean())
    total = sum(values.sum() for values in quotients.values())
    return float(total / sum(values.size for values in quotients.values()))


def quotient(gradient: ndarray, curved: ndarray) -> ndarray:
    """|(g - H g) / (g + e) - 1|, in float64."""
    g = gradient.astype(float)
    e = np.where(g >= 0, EPSILON, -EPSILON)
    return abs((g - curved) / (g + e) - 1)
