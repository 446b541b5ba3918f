"""Within-layer initialization (Krähenbühl et al. 2016, "Data-dependent initializations of CNNs", Algorithm 1)."""
import numpy as np

from .walk import Step


def within_layer(step: Step, beta: float = 0.1) -> list[str]:
    """Give each output of the layer unit variance and mean `beta`, by its row of W and its bias.

        W[i] /= std(z[i]);  b[i] = beta - mean(z[i]) / std(z[i])          with z before the bias

    Then the columns of the next layer's W change at equal rates (Section 3.1). An output that is constant keeps its row; a
    layer without bias keeps its means. Returns notes.
    """
    moments, layer = step.forward(), step.layer
    bias = layer.bias.data.astype(float) if layer.bias else 0.0
    dead = ~(moments.var > 1e-30)
    factor = 1 / np.sqrt(np.where(dead, 1, moments.var))
    step.rescale(factor, beta - factor * (moments.mean - bias) if layer.bias else None)
    notes = [] if layer.bias else ['it has no bias: its outputs get unit variance but keep their means']
    if dead.any():
        notes.append(f'{dead.sum()} of its {dead.size} outputs are constant: their weights are left as they are')
    return notes
