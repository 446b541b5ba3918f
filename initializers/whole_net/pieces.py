"""Channels in pieces: consecutive parts of a blob's channels (axis 1), each with something of its
own.

A piece is a pair: where it ends, as a fraction of all channels, and what belongs to it. A blob that
Concat puts together from two others, of 24 and 8 channels, has the pieces [(3/4, a), (1, b)]. As
fractions they stay the same through every layer that keeps the order of channels, Flatten too.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TypeVar

T = TypeVar('T')
Pieces = list[tuple[Fraction, T]]

ALL = Fraction(1)


def whole(content: T) -> Pieces[T]:
    """One piece for all channels."""
    return [(ALL, content)]


def joined(parts: Iterable[tuple[int, Pieces[T]]]) -> Pieces[T]:
    """The pieces of blobs with so many channels each, side by side."""
    parts = list(parts)
    total = sum(channels for channels, _ in parts)
    found = []
    start = 0
    for channels, pieces in parts:
        for end, content in pieces:
            found.append(((start + end * channels) / Fraction(total), content))
        start += channels
    return merged(found)


def cut(pieces: Pieces[T], channels: Sequence[int]) -> list[Pieces[T]]:
    """The pieces of consecutive blocks of so many channels each."""
    total = sum(channels)
    found = []
    start = 0
    for extent in channels:
        block = []
        for end, content in within(pieces, Fraction(start, total), Fraction(start + extent, total)):
            block.append(((end * total - start) / extent, content))
        found.append(block)
        start += extent
    return found


def within(pieces: Pieces[T], start: Fraction, stop: Fraction) -> Pieces[T]:
    """The pieces between two places."""
    found = []
    before = Fraction(0)
    for end, content in pieces:
        if before < stop and end > start:
            found.append((min(end, stop), content))
        before = end
    return found


def aligned(blobs: Sequence[Pieces[T]]) -> Pieces[list[T]]:
    """The common pieces of several blobs, each with what belongs to it in every one of them."""
    ends = sorted({end for pieces in blobs for end, _ in pieces})
    found = []
    for start, end in pairwise([Fraction(0), *ends]):
        contents = []
        for pieces in blobs:
            contents += [content for _, content in within(pieces, start, end)]
        found.append((end, contents))
    return found


def merged(pieces: Pieces[T]) -> Pieces[T]:
    """The pieces with equal neighbors made one."""
    found: Pieces[T] = []
    for end, content in pieces:
        if found and found[-1][1] == content:
            found.pop()
        found.append((end, content))
    return found


def lengths(pieces: Pieces[T], count: int) -> list[int]:
    """How many of `count` elements in the order of the channels belong to each piece."""
    ends = [0, *(int(end * count) for end, _ in pieces)]
    return [end - start for start, end in pairwise(ends)]


def fit(pieces: Pieces[T], count: int) -> bool:
    """Whether pieces end between two of `count` elements."""
    return all((end * count).denominator == 1 for end, _ in pieces)
