"""What keeps change rates apart: the constraints that hold them at the nearest rates.

Where the sum f of the squares of the log-rates (less their mean) is smallest among the allowed x,
its slope is a combination of the constraints' forms a_c: f' = sum of lambda_c a_c. A constraint
with a large lambda_c holds the rates apart: without it f would fall.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy import ndarray

from .free_scales import FreeScales
from .nearest_rates import RateModel

APART = 1.02  # rates that differ by less are equal
MANY = 3  # so many reasons are named
SLIGHT = 0.2  # reasons with less than this part of the largest lambda are not


def reasons_of(
    model: RateModel,
    z: ndarray,
    scales: FreeScales,
    bounds: Sequence[tuple[ndarray, str]] = (),
) -> list[str]:
    """Who holds the rates apart at z, the strongest first. bounds: forms, as rows over the
    unknowns, that have reached a bound, and who asks for it."""
    constraints = scales.unknowns.matrix(scales.unknowns.constraints)
    forms = np.vstack([constraints, *(row for row, _ in bounds)])
    reasons = [*scales.unknowns.reasons, *(reason for _, reason in bounds)]
    slope = model.values(z) @ model.unknown_slopes(z)
    multipliers, *_ = np.linalg.lstsq(forms.T, slope, rcond=1e-9)
    strength: dict[str, float] = defaultdict(float)
    for reason, multiplier in zip(reasons, multipliers, strict=True):
        if reason:
            strength[reason] += abs(multiplier)
    largest = max(strength.values(), default=0)
    ordered = sorted(strength, key=lambda reason: -strength[reason])
    return [reason for reason in ordered if strength[reason] > SLIGHT * largest][:MANY]
