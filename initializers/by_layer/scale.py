"""Scale and scale+bias initialization (Luther & Seung 2019, section 5.1)."""

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ..kinds import Notes, initializer
from ..moments import ROUNDING, TINY
from ..step import Step

EPSILON = 1e-5  # of the paper's Section 5.1


@initializer('scale', 'layer')
def scale(step: Step, rng: Generator) -> Notes:
    """W /= sqrt(mean(z^2) + 1e-5) over all elements of z, with b = 0 (eq. 13)."""
    step.forward()
    if not step.bias:
        return _to_unit(step, None)
    return _to_unit(step, np.zeros(step.layer.num_output))


@initializer('scale_bias', 'layer')
def scale_bias(step: Step, rng: Generator) -> Notes:
    """First b[i] = -mean(z[i]) for each output (eq. 14), then the scale of eq. 13 for both W and b.

    The paper scales only W; here b is scaled too, or the means would not stay zero.
    """
    moments = step.forward()
    if not step.bias:
        return ['it has no bias to set: only its scale is set', *_to_unit(step, None)]
    return _to_unit(step, step.bias.data - moments.mean)


def _to_unit(step: Step, bias: ndarray | None) -> Notes:
    """Set `bias`, if given, then scale W and b so that mean(z^2) = 1."""
    rounding = ROUNDING * step.moments.mean_square
    step.rescale(1, bias)
    square = step.moments.mean_square
    if not square > max(rounding, TINY):
        return ['its output is constant, so its weights cannot be scaled: left unchanged']
    factor = 1 / np.sqrt(square + EPSILON)
    step.rescale(factor, None if bias is None else factor * bias)
    return []
