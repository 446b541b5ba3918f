"""The integer rules of shapes, by example."""

import pytest
from goodinit.netlib.shapes import (
    canonical_axis,
    conv_extent,
    count,
    deconv_extent,
    fan_in_out,
    pool_extent,
)


@pytest.mark.parametrize(
    'shape, start, end, expected',
    [
        ((2, 3, 4), 0, None, 24),
        ((2, 3, 4), 1, None, 12),
        ((2, 3, 4), 0, 2, 6),
        ((2, 3, 4), 1, 2, 3),
        ((2, 3, 4), 3, None, 1),
        ((), 0, None, 1),
        ((2, 0, 4), 0, None, 0),
    ],
)
def test_count(shape, start, end, expected):
    assert count(shape, start, end) == expected


@pytest.mark.parametrize('axis, axes, expected', [(0, 4, 0), (3, 4, 3), (-1, 4, 3), (-4, 4, 0)])
def test_canonical_axis(axis, axes, expected):
    assert canonical_axis(axis, axes) == expected


@pytest.mark.parametrize('axis, axes', [(4, 4), (-5, 4), (0, 0)])
def test_canonical_axis_refused(axis, axes):
    with pytest.raises(IndexError, match=f'axis {axis} out of range for a blob with {axes} axes'):
        canonical_axis(axis, axes)


# size, kernel, stride, pad, dilation -> positions
CONVOLUTIONS = [
    (5, 3, 1, 0, 1, 3),
    (5, 3, 1, 1, 1, 5),
    (5, 3, 2, 0, 1, 2),
    (6, 3, 2, 0, 1, 2),
    (6, 3, 2, 1, 1, 3),
    (7, 3, 1, 0, 2, 3),
    (7, 3, 1, 2, 2, 7),
    (5, 5, 1, 0, 1, 1),
    (5, 1, 2, 0, 1, 3),
    (1, 1, 1, 0, 1, 1),
    (227, 11, 4, 0, 1, 55),
    (224, 7, 2, 3, 1, 112),
    (3, 5, 1, 0, 1, -1),
]


@pytest.mark.parametrize('size, kernel, stride, pad, dilation, expected', CONVOLUTIONS)
def test_conv_extent(size, kernel, stride, pad, dilation, expected):
    assert conv_extent(size, kernel, stride, pad, dilation) == expected


@pytest.mark.parametrize(
    'size, kernel, stride, pad, dilation, expected',
    [
        (2, 3, 2, 0, 1, 5),
        (2, 3, 2, 1, 1, 3),
        (1, 3, 1, 0, 2, 5),
        (55, 11, 4, 0, 1, 227),
    ],
)
def test_deconv_extent(size, kernel, stride, pad, dilation, expected):
    assert deconv_extent(size, kernel, stride, pad, dilation) == expected


@pytest.mark.parametrize('size, kernel, stride, pad, dilation, positions', CONVOLUTIONS)
def test_deconv_extent_is_the_least_size_with_as_many_positions(
    size, kernel, stride, pad, dilation, positions
):
    if positions > 0:
        least = deconv_extent(positions, kernel, stride, pad, dilation)
        assert least <= size
        assert [conv_extent(n, kernel, stride, pad, dilation) for n in (least - 1, least)] == [
            positions - 1,
            positions,
        ]


@pytest.mark.parametrize(
    'size, kernel, stride, pad, ceil, padded, expected',
    [
        (4, 2, 2, 0, True, False, 2),
        (5, 2, 2, 0, True, False, 3),  # rounded up: the last window reaches beyond the image
        (5, 2, 2, 0, False, False, 2),
        (7, 3, 2, 0, True, False, 3),
        (8, 3, 2, 0, True, False, 4),
        (4, 2, 2, 1, True, True, 3),
        (5, 2, 2, 1, True, True, 3),  # the fourth window would start beyond image and padding
        (5, 2, 2, 0, True, True, 3),  # padded in the other direction only
        (
            7,
            1,
            5,
            0,
            True,
            False,
            3,
        ),  # the last window lies outside: nothing is dropped without padding
        (7, 1, 5, 0, True, True, 2),
        (55, 3, 2, 0, True, False, 27),
    ],
)
def test_pool_extent(size, kernel, stride, pad, ceil, padded, expected):
    assert pool_extent(size, kernel, stride, pad, ceil, padded) == expected


@pytest.mark.parametrize(
    'shape, expected',
    [
        ((8, 3, 5, 5), (75, 200)),
        ((10, 20), (20, 10)),
        ((7,), (1, 7)),
        ((), (1, 1)),
        ((4, 2, 3), (6, 12)),
        ((0, 3), (0, 0)),
    ],
)
def test_fan_in_out(shape, expected):
    assert fan_in_out(shape) == expected
