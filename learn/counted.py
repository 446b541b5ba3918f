"""Numbers that count: the products of data with weights, and the readings of a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from .exercise import Wrong


class Counter:
    """Counts products of something made of data and something made of weights."""

    def __init__(self) -> None:
        self.products = 0


class Number:
    """A number that knows what it is made of: 'data', 'weight' or 'both'."""

    def __init__(self, value: float, counter: Counter, made_of: str):
        self.value = value
        self.counter = counter
        self.made_of = made_of

    def __add__(self, other: Any) -> Number:
        other = self._number(other)
        return self._new(self.value + other.value, other)

    def __sub__(self, other: Any) -> Number:
        other = self._number(other)
        return self._new(self.value - other.value, other)

    def __neg__(self) -> Number:
        return Number(-self.value, self.counter, self.made_of)

    def __truediv__(self, other: float) -> Number:
        return Number(self.value / other, self.counter, self.made_of)

    def __mul__(self, other: Any) -> Number:
        if isinstance(other, Number):
            self.counter.products += 1
            return Number(self.value * other.value, self.counter, 'both')
        return Number(self.value * other, self.counter, self.made_of)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Number:
        return -self + other

    def _number(self, other: Any) -> Number:
        if isinstance(other, Number):
            return other
        return Number(other, self.counter, self.made_of)

    def _new(self, value: float, other: Number) -> Number:
        made_of = self.made_of if self.made_of == other.made_of else 'both'
        return Number(value, self.counter, made_of)


class Readings:
    """Counts the numbers read of matrices."""

    def __init__(self) -> None:
        self.count = 0

    def of(self, values: np.ndarray) -> Matrix:
        return Matrix(values, self)


class Matrix:
    """A matrix of which one number is read at a time: a[i, k]."""

    def __init__(self, values: np.ndarray, readings: Readings):
        self.values = values
        self.readings = readings
        self.shape = values.shape

    def __getitem__(self, at: tuple[int, int]) -> float:
        if not (isinstance(at, tuple) and len(at) == 2 and all(isinstance(i, int) for i in at)):
            raise Wrong('read one number at a time: a[i, k], with i and k whole numbers')
        self.readings.count += 1
        return float(self.values[at])
