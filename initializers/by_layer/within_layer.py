"""Within-layer initialization (Krähenbühl et al. 2016, Algorithm 1)."""

from typing import Annotated

import numpy as np
from numpy.random import Generator

from ..kinds import Notes, Option, initializer
from ..step import Step

Beta = Annotated[float, Option('the mean of every output')]


@initializer('within', 'layer')
def within_layer(step: Step, rng: Generator, beta: Beta = 0.1) -> Notes:
    """Give each output of the layer unit variance and mean `beta`, by its row of W and its bias.

        W[i] /= std(z[i]);  b[i] = beta - mean(z[i]) / std(z[i])          with z before the bias

    Then the columns of the next layer's W change at equal rates (Section 3.1). A constant output
    keeps its row. A layer keeps its means unless it has its own bias, and the bias learns.
    """
    moments = step.forward()
    constant = moments.constant
    factor = 1 / np.sqrt(np.where(constant, 1, moments.var))
    notes = []
    if step.bias:
        step.rescale(factor, beta - factor * (moments.mean - step.bias.data))
    else:
        step.rescale(factor)
        notes.append('it has no bias to set: its outputs get unit variance but keep their means')
    if constant.any():
        notes.append(
            f'{constant.sum()} of its {constant.size} outputs are constant: '
            'their weights are left unchanged'
        )
    return notes
