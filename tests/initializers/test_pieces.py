"""Channels in pieces, through Concat, Slice and layers that meet."""

from fractions import Fraction

from goodinit.initializers.whole_net.pieces import (
    aligned,
    cut,
    fit,
    joined,
    lengths,
    merged,
    whole,
)

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)


def test_concat_puts_pieces_side_by_side():
    both = joined([(24, whole('a')), (8, whole('b'))])
    assert both == [(Fraction(3, 4), 'a'), (Fraction(1), 'b')]
    more = joined([(32, both), (32, whole('b'))])
    assert more == [(Fraction(3, 8), 'a'), (Fraction(1), 'b')]  # neighbors with one content


def test_slice_undoes_concat():
    parts = [[(THIRD, 'a'), (Fraction(1), 'b')], whole('c'), [(HALF, 'c'), (Fraction(1), 'a')]]
    sizes = [6, 10, 4]
    assert cut(joined(zip(sizes, parts, strict=True)), sizes) == parts


def test_slice_cuts_within_a_piece():
    pieces = [(Fraction(1, 4), 'a'), (Fraction(1), 'b')]
    assert cut(pieces, [1, 3]) == [whole('a'), whole('b')]
    assert cut(pieces, [2, 2]) == [[(HALF, 'a'), (Fraction(1), 'b')], whole('b')]


def test_where_blobs_meet():
    first, second = [(THIRD, 'a'), (Fraction(1), 'b')], [(HALF, 'c'), (Fraction(1), 'd')]
    assert aligned([first, second]) == [
        (THIRD, ['a', 'c']),
        (HALF, ['b', 'c']),
        (Fraction(1), ['b', 'd']),
    ]


def test_lengths_in_columns():
    pieces = [(Fraction(3, 4), 'a'), (Fraction(1), 'b')]
    assert lengths(pieces, 32 * 9) == [24 * 9, 8 * 9]
    assert fit(pieces, 8) and not fit(pieces, 6)
    assert merged([(THIRD, 'a'), (HALF, 'a'), (Fraction(1), 'b')]) == [
        (HALF, 'a'),
        (Fraction(1), 'b'),
    ]
