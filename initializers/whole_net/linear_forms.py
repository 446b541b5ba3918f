"""Unknown numbers under linear constraints."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy import ndarray

Form = dict[int, float]  # {unknown: coefficient}: a linear form; empty, it is 0
ZERO: Form = {}


def only(unknown: int) -> Form:
    """The form that is this unknown."""
    return {unknown: 1}


def minus(a: Form, b: Form) -> Form:
    """The form a - b."""
    difference = dict(a)
    for unknown, coefficient in b.items():
        difference[unknown] = difference.get(unknown, 0) - coefficient
    return difference


class Unknowns:
    """Numbers x_0, x_1, ... with linear forms that must be zero; x_0 = 0.

    constraints, reasons   the forms, and for each who asks for it, in words for the user
    """

    def __init__(self) -> None:
        self.count = 1
        self.constraints: list[Form] = [{0: 1}]
        self.reasons = ['']

    def new(self) -> int:
        """Add an unknown without constraints."""
        self.count += 1
        return self.count - 1

    def require(self, form: Form, reason: str) -> int:
        """Require that a form is zero; returns the constraint's number."""
        self.constraints.append(form)
        self.reasons.append(reason)
        return len(self.constraints) - 1

    def tie(self, forms: Sequence[Form], reason: str) -> None:
        """Require equal values of all forms."""
        first, *others = forms
        for form in others:
            self.require(minus(first, form), reason)

    def matrix(self, forms: Sequence[Form]) -> ndarray:
        """The forms as rows over all unknowns."""
        matrix = np.zeros((len(forms), self.count))
        for i, form in enumerate(forms):
            for unknown, coefficient in form.items():
                matrix[i, unknown] = coefficient
        return matrix

    def solution(self, values: Mapping[int, float]) -> ndarray:
        """The smallest x for which the constraints with these numbers have these values, and all
        others are zero, as nearly as they can be."""
        wanted = np.zeros(len(self.constraints))
        for number, value in values.items():
            wanted[number] = value
        x, *_ = np.linalg.lstsq(self.matrix(self.constraints), wanted, rcond=1e-10)
        return x

    def solutions(self) -> ndarray:
        """Orthonormal columns that span all x which satisfy the constraints."""
        return null_space(self.matrix(self.constraints))


def null_space(matrix: ndarray) -> ndarray:
    """Orthonormal columns that span {x: matrix x = 0}."""
    _, values, vectors = np.linalg.svd(matrix)
    largest = values.max(initial=0)
    rank = np.count_nonzero(values > 1e-10 * largest)
    return vectors[rank:].T
