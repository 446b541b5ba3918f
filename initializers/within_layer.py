"""Within-layer initialization (Krähenbühl et al. 2016, Algorithm 1)."""

import numpy as np

from .walk import Step


def within_layer(step: Step, beta: float = 0.1) -> list[str]:
    """Give each output of the layer unit variance and mean `beta`, by its row of W and its bias.

        W[i] /= std(z[i]);  b[i] = beta - mean(z[i]) / std(z[i])          with z before the bias

    Then the columns of the next layer's W change at equal rates (Section 3.1). An output that is
    constant keeps its row; a layer without a bias of its own that learns keeps its means. Returns
    notes.
    """
    moments, bias = step.forward(), step.bias
    constant = moments.constant
    factor = 1 / np.sqrt(np.where(constant, 1, moments.var))
    step.rescale(factor, beta - factor * (moments.mean - bias.data) if bias else None)
    notes = (
        []
        if bias
        else ['it has no bias to set: its outputs get unit variance but keep their means']
    )
    if constant.any():
        notes.append(
            f'{constant.sum()} of its {constant.size} outputs are constant: '
            'their weights are left as they are'
        )
    return notes
