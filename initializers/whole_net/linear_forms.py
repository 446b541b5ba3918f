"""Unknown numbers under linear constraints."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

Form = Counter[int]  # {unknown: coefficient}: a linear form; empty, it is 0
ZERO = Form()


class Unknowns:
    """Numbers x_0, x_1, ... of which linear forms must vanish; x_0 = 0."""

    def __init__(self) -> None:
        self.count = 1
        self.constraints: list[Form] = [Form({0: 1})]

    def new(self) -> int:
        """One more unknown, free of constraints."""
        self.count += 1
        return self.count - 1

    def tie(self, forms: Sequence[Form]) -> None:
        """Ask for equal values of all forms."""
        for form in forms[1:]:
            tied = Form(forms[0])
            tied.subtract(form)
            self.constraints.append(tied)

    def matrix(self, forms: Sequence[Form]) -> np.ndarray:
        """The forms as rows over all unknowns."""
        matrix = np.zeros((len(forms), self.count))
        for i, form in enumerate(forms):
            for unknown, coefficient in form.items():
                matrix[i, unknown] = coefficient
        return matrix

    def solutions(self) -> np.ndarray:
        """Orthonormal columns that span all x which satisfy the constraints."""
        return null_space(self.matrix(self.constraints))


def null_space(matrix: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span {x: matrix x = 0}."""
    _, values, vectors = np.linalg.svd(matrix)
    rank = int((values > 1e-10 * values.max(initial=0)).sum())
    return vectors[rank:].T
