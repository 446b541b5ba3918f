"""Scale and scale+bias initialization (Luther & Seung 2019, section 5.1)."""

import numpy as np

from .moments import ROUNDING, TINY
from .walk import Step

EPSILON = 1e-5  # of the paper's Section 5.1


def scale(step: Step) -> list[str]:
    """W /= sqrt(mean(z^2) + 1e-5) over all elements of z, with b = 0 (eq. 13). Returns notes."""
    step.forward()
    return _to_unit(step, np.zeros(step.layer.num_output) if step.bias else None)


def scale_bias(step: Step) -> list[str]:
    """First b[i] = -mean(z[i]) for each output (eq. 14), then the scale of eq. 13 for W and b
    alike.

    The paper writes the scaling for W alone; b follows here, or the means would not stay zero.
    Returns notes.
    """
    moments = step.forward()
    notes = [] if step.bias else ['it has no bias to set: only its scale is set']
    return notes + _to_unit(step, step.bias.data - moments.mean if step.bias else None)


def _to_unit(step, bias):
    """Take `bias`, where given, then scale W and b so that mean(z^2) = 1."""
    rounding = ROUNDING * step.moments.mean_square
    step.rescale(1, bias)
    square = step.moments.mean_square
    if not square > max(rounding, TINY):
        return ['its output is constant, so its weights cannot be scaled: left as they are']
    factor = 1 / np.sqrt(square + EPSILON)
    step.rescale(factor, None if bias is None else factor * bias)
    return []
