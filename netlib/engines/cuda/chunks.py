"""Sums over some axes of a tensor: which shapes have kernels of their own, and how their terms are
divided among blocks."""

from itertools import groupby
from math import prod
from typing import NamedTuple

from ...shapes import Shape

# Results must not depend on the card, so these do not either.
MOST_BLOCKS = 1024  # twice what the largest cards run at once: 132 multiprocessors, 4 blocks each
LEAST_TERMS = 4096  # of a block that shares a result with others
PARTIALS = 4 * 2 * MOST_BLOCKS  # bytes: two numbers of each block
ARRIVALS = 4 * MOST_BLOCKS  # bytes: a counter for each result


class Chunked(NamedTuple):
    """struct Terms of sums.cuh: x (outer, kept, inner), summed over outer and inner."""

    kept: int
    inner: int
    width: int
    units: int
    length: int
    chunks: int

    @property
    def blocks(self) -> int:
        return self.kept * self.chunks


class Columns(NamedTuple):
    """x (outer, terms, inner), summed over the terms."""

    outer: int
    terms: int
    inner: int


def chunked(outer: int, kept: int, inner: int) -> Chunked:
    """x (outer, kept, inner), in as many chunks as help."""
    width = 1 if inner % 4 else 4
    terms = outer * inner
    chunks = max(1, min(terms // LEAST_TERMS, MOST_BLOCKS // max(kept, 1)))
    units = terms // width
    length = -(-units // chunks)
    # Rounding up may leave the last chunks empty.
    chunks = max(1, -(-units // max(length, 1)))
    return Chunked(kept, max(inner // width, 1), width, units, length, chunks)


def division(x: Shape, out: Shape) -> Chunked | Columns | None:
    """How x is summed into `out`, over the axes where `out` has extent 1; None if summed and kept
    axes alternate too often."""
    kept, extents = merged(x, out)
    if kept in ([True, False, True], [False, True]):
        missing = (1,) * (3 - len(extents))
        columns = Columns(*missing, *extents)
        if columns.outer > 1 or columns.terms < LEAST_TERMS:
            return columns
    return rows(kept, extents)


def chunks_of(x: Shape, out: Shape) -> Chunked | None:
    """`division` for a kernel that knows no columns."""
    return rows(*merged(x, out))


def rows(kept: list[bool], extents: Shape) -> Chunked | None:
    """The axes as (outer, kept, inner), of which those missing have extent 1."""
    if kept[:1] != [False]:
        kept, extents = [False, *kept], (1, *extents)
    if kept == [False]:
        kept, extents = [False, True, False], (1, 1, *extents)
    if kept == [False, True]:
        kept, extents = [False, True, False], (*extents, 1)
    return chunked(*extents) if kept == [False, True, False] else None


def merged(x: Shape, out: Shape) -> tuple[list[bool], Shape]:
    """The axes of x without those of extent 1, adjacent ones merged where all of them are kept or
    all are summed: for each whether it is kept, and its extent."""
    axes = [(m == n, n) for n, m in zip(x, out, strict=True) if n != 1]
    flags = []
    extents = []
    for is_kept, group in groupby(axes, key=lambda axis: axis[0]):
        flags.append(is_kept)
        extents.append(prod(n for _, n in group))
    return flags, tuple(extents)
