"""Page 10: how a kernel gets fast. The numbers count what is done with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..counted import Counter, Number, Readings
from ..exercise import Case, Wrong, exercise
from ..made_up import numbers

MULTIPLICATIONS = 4


def counting_products(found: Callable[..., Any], case: Case) -> Any:
    """The outputs, if so few products of an input and a weight are enough. Raises Wrong."""
    counter = Counter()
    d = [Number(value, counter, 'data') for value in case['d'].tolist()]
    g = [Number(value, counter, 'weight') for value in case['g'].tolist()]
    result = found(d, g)
    if not isinstance(result, list | tuple) or not all(isinstance(y, Number) for y in result):
        raise Wrong('it has to return a list of 2 numbers, made of those in d and g')
    if counter.products > MULTIPLICATIONS:
        raise Wrong(
            f'it multiplies {counter.products} times; needed: at most {MULTIPLICATIONS} products '
            'of something made of d and something made of g'
        )
    return np.array([y.value for y in result])


@exercise(
    '10.1',
    "Winograd's four products",
    [{'d': numbers(seed, 4), 'g': numbers(seed + 1, 3)} for seed in (0, 2, 4)],
    returns=('y',),
    run=counting_products,
)
def winograd(d: list, g: list) -> list:
    """Two outputs of a filter with three weights, in four multiplications instead of six.

        y[0] = d[0] g[0] + d[1] g[1] + d[2] g[2]
        y[1] = d[1] g[0] + d[2] g[1] + d[3] g[2]

    d has four numbers, g three; they count. Only a product of something made of d and something
    made of g costs: sums are free, and so are halves (g[0] / 2, 0.5 * g[0]), for a filter is
    transformed once and used for a whole image. Hint: m1 = (d[0] - d[2]) g[0].
    """
    m1 = (d[0] - d[2]) * g[0]
    m2 = (d[1] + d[2]) * ((g[0] + g[1] + g[2]) / 2)
    m3 = (d[2] - d[1]) * ((g[0] - g[1] + g[2]) / 2)
    m4 = (d[1] - d[3]) * g[2]
    return [m1 + m2 + m3, m2 - m3 - m4]


@winograd.mistake('the last product has the wrong sign: y[1] = m2 - m3 - m4')
def last_added(d, g):
    m2 = (d[1] + d[2]) * ((g[0] + g[1] + g[2]) / 2)
    m3 = (d[2] - d[1]) * ((g[0] - g[1] + g[2]) / 2)
    m4 = (d[1] - d[3]) * g[2]
    return [(d[0] - d[2]) * g[0] + m2 + m3, m2 - m3 + m4]


@winograd.mistake('the halves are missing: m2 and m3 take half of the sums of weights')
def without_halves(d, g):
    m1 = (d[0] - d[2]) * g[0]
    m2 = (d[1] + d[2]) * (g[0] + g[1] + g[2])
    m3 = (d[2] - d[1]) * (g[0] - g[1] + g[2])
    m4 = (d[1] - d[3]) * g[2]
    return [m1 + m2 + m3, m2 - m3 - m4]


@winograd.mistake('the filter is flipped: y[0] starts with d[0] g[0]')
def flipped(d, g):
    return winograd.solution(d, g[::-1])


SIDE = 4


def counting_reads(found: Callable[..., Any], case: Case) -> Any:
    """The product, if the numbers of a and b are read so seldom. Raises Wrong."""
    readings = Readings()
    a, b = readings.of(case['a']), readings.of(case['b'])
    depth = case['a'].shape[1]
    result = found(a, b, depth)
    most = 2 * SIDE * depth
    if readings.count > most:
        raise Wrong(
            f'it reads {readings.count} numbers of a and b; needed: at most {most}, {2 * SIDE} for '
            'each k: keep them in variables'
        )
    return result


@exercise(
    '10.2',
    'a tile: all sums in registers',
    [
        {'a': numbers(10, SIDE, 3), 'b': numbers(11, 3, SIDE)},
        {'a': numbers(12, SIDE, 6), 'b': numbers(13, 6, SIDE)},
    ],
    returns=('c',),
    run=counting_reads,
)
def tile(a, b, K: int) -> list[list[float]]:
    """The product c (4, 4) = a b of a (4, K) and b (K, 4), with few reads.

    a[i, k] and b[k, j] read one number each, and are counted. Three loops over i, j and k read
    32 K numbers. A tile keeps all 16 sums, takes one k after the other, and reads 8 K: 4 numbers
    of a and 4 of b for 16 multiplications.
    """
    c = [[0.0] * SIDE for _ in range(SIDE)]
    for k in range(K):
        column = [a[i, k] for i in range(SIDE)]
        row = [b[k, j] for j in range(SIDE)]
        for i in range(SIDE):
            for j in range(SIDE):
                c[i][j] += column[i] * row[j]
    return c


@tile.mistake('only the last k is left: sums are to be added to')
def last_alone(a, b, K):
    column = [a[i, K - 1] for i in range(SIDE)]
    row = [b[K - 1, j] for j in range(SIDE)]
    return np.outer(column, row)


@tile.mistake('the result is transposed: c[i][j] belongs to row i of a and column j of b')
def transposed(a, b, K):
    return np.transpose(tile.solution(a, b, K))


@tile.mistake('it stops one k too early')
def last_left_out(a, b, K):
    return tile.solution(a, b, K - 1)
