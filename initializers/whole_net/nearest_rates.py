"""The changes of scale that bring change rates closest together."""

from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from ...netlib.blob import Param
from .free_scales import FreeScales
from .piecewise_rates import Rate

MOST_STEPS = 50
SMALLEST = 1e-10  # steps that move no log-rate by more are not taken
RIDGE = 1e-6  # relative weight of a short step where the rates leave it open


@dataclass
class Bounds:
    """Bounds of linear forms of the free numbers: lower <= rows z <= upper."""

    rows: ndarray
    lower: ndarray
    upper: ndarray

    @classmethod
    def none(cls, free: int) -> 'Bounds':
        """No bounds of so many free numbers."""
        return cls(np.zeros((0, free)), np.zeros(0), np.zeros(0))

    def around(self, z: ndarray) -> 'Bounds':
        """The same bounds for a step from z."""
        here = self.rows @ z
        return Bounds(self.rows, self.lower - here, self.upper - here)

    def shortened(self, z: ndarray) -> ndarray:
        """z, or as much of it as the bounds, which 0 keeps, allow."""
        forms = self.rows @ z
        limits = np.where(forms > 0, self.upper, self.lower)
        beyond = abs(forms) > abs(limits) + 1e-9
        parts = abs(limits[beyond] / forms[beyond])
        return z * parts.min(initial=1)

    def hold(self, step: ndarray) -> bool:
        forms = self.rows @ step
        return bool(np.all(forms >= self.lower - 1e-9) and np.all(forms <= self.upper + 1e-9))


class RateModel:
    """All log-rates as functions of the free numbers z of the scales."""

    def __init__(self, rates: dict[Param, Rate], scales: FreeScales):
        self.weights = list(rates)
        self.rates = list(rates.values())
        self.moves: list[ndarray] = []  # of each weight's pieces, by the free numbers
        self.unknown_moves: list[ndarray] = []  # the same by the unknowns
        still = np.zeros(scales.unknowns.count)
        for weight in rates:
            rows = [row for _, row in scales.weights.get(weight, [])]
            self.unknown_moves.append(np.array(rows or [still]))
            self.moves.append(self.unknown_moves[-1] @ scales.basis)

    def values(self, z: ndarray) -> ndarray:
        """Each log-rate less their mean."""
        pairs = zip(self.rates, self.moves, strict=True)
        found = np.array([rate.after(rows @ z) for rate, rows in pairs])
        return found - found.sum() / max(len(found), 1)

    def slopes(self, z: ndarray) -> ndarray:
        """The derivatives of each log-rate, by the free numbers."""
        pairs = zip(self.rates, self.moves, strict=True)
        return np.array([rate.slopes(rows @ z) @ rows for rate, rows in pairs])

    def unknown_slopes(self, z: ndarray) -> ndarray:
        """The derivatives of each log-rate, by the unknowns of the scales."""
        found = []
        for rate, moves, rows in zip(self.rates, self.moves, self.unknown_moves, strict=True):
            found.append(rate.slopes(moves @ z) @ rows)
        return np.array(found)

    def spread(self, z: ndarray) -> float:
        """The greatest rate over the smallest."""
        values = self.values(z)
        return float(np.exp(np.ptp(values))) if len(values) else 1.0


def nearest_rates(model: RateModel, start: ndarray, bounds: Bounds) -> ndarray:
    """The free numbers, near `start`, for which the sum of the squares of `model.values` is
    smallest within the bounds.

    By Gauss and Newton's method; if rates depend on single scales only, one step is the solution. A
    step that makes the sum greater is halved.
    """
    z = start
    if not model.rates:
        return z
    for _ in range(MOST_STEPS):
        values = model.values(z)
        slopes = model.slopes(z)
        relative = slopes - slopes.mean(axis=0)
        wanted = bounded_least_squares(-relative, values, bounds.around(z))
        step = shortened(model, z, wanted)
        if abs(slopes @ step).max() < SMALLEST:
            break
        z = z + step
    return z


def shortened(model: RateModel, z: ndarray, step: ndarray) -> ndarray:
    """The step from z, halved until it makes things no worse."""
    before = np.square(model.values(z)).sum()
    for _ in range(30):
        if np.square(model.values(z + step)).sum() <= before:
            return step
        step = step / 2
    return 0 * step


def bounded_least_squares(a: ndarray, b: ndarray, bounds: Bounds) -> ndarray:
    """The x with the least |a x - b| within the bounds; the shortest if there are several."""
    x, *_ = np.linalg.lstsq(a, b, rcond=1e-9)
    if bounds.hold(x):
        return x
    return least_distance(a, b, bounds)


def least_distance(a: ndarray, b: ndarray, bounds: Bounds) -> ndarray:
    """The same by non-negative least squares (Lawson & Hanson 1974, chapter 23).

    In coordinates y = R x - Q^T b, a = Q R, the least |y| is wanted with E y >= f. If u >= 0 makes
    [E^T; f^T] u closest to (0, ..., 0, 1), with the residual r, then y = -r_1..n / r_n+1.
    """
    from scipy.optimize import nnls

    free = a.shape[1]
    short = RIDGE * max(float(np.linalg.norm(a, 2)), 1e-30) * np.eye(free)
    q, r = np.linalg.qr(np.vstack([a, short]))
    origin = q.T @ np.concatenate([b, np.zeros(free)])
    low = np.isfinite(bounds.lower)
    high = np.isfinite(bounds.upper)
    rows = np.vstack([bounds.rows[low], -bounds.rows[high]])
    limits = np.concatenate([bounds.lower[low], -bounds.upper[high]])
    e = np.linalg.solve(r.T, rows.T).T
    f = limits - e @ origin
    target = np.zeros(free + 1)
    target[-1] = 1
    stacked = np.vstack([e.T, f])
    u, _ = nnls(stacked, target, maxiter=30 * len(f))
    residual = stacked @ u - target
    return np.linalg.solve(r, origin - residual[:free] / residual[-1])
