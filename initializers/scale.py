"""Scale and scale+bias initialization (Luther & Seung 2019, "Sample variance decay in randomly initialized ReLU networks")."""
import numpy as np

from .walk import Step

EPSILON = 1e-5          # of the paper's Section 5.1


def scale(step: Step) -> list[str]:
    """W /= sqrt(mean(z^2) + 1e-5) over all elements of z, with b = 0 (eq. 13). Returns notes."""
    step.forward()
    zero = None if step.layer.bias is None else np.zeros(step.layer.num_output)
    step.rescale(1, zero)
    return _to_unit(step, zero)


def scale_bias(step: Step) -> list[str]:
    """First b[i] = -mean(z[i]) for each output (eq. 14), then the scale of eq. 13 for W and b alike.

    The paper writes the scaling for W alone; b follows here, or the means would not stay zero. Returns notes.
    """
    if step.layer.bias is None:
        return [*scale(step), 'it has no bias: only its scale is set']
    moments = step.forward()
    centred = step.layer.bias.data.astype(float) - moments.mean
    step.rescale(1, centred)
    return _to_unit(step, centred)


def _to_unit(step, bias):
    square = step.moments.mean_square
    factor = 1 / np.sqrt(square + EPSILON)
    step.rescale(factor, None if bias is None else factor * bias)
    return [] if square > 1e-30 else ['its output is constant, so its weights cannot be scaled']
