"""SpatialPyramidPooling against SPP-net's own test, and what it refuses."""

import numpy as np
import pytest
from case import case, exactly
from goodinit.netlib.errors import GoodinitError


def forward(case):
    net = case.net('reference')
    net.forward()
    return net.tops[-1][0].data


# A picture of SPP-net's own test, whose bins overlap where 5 is not divisible.
PICTURE = [
    [1, 2, 5, 2, 3],
    [9, 4, 1, 4, 8],
    [31, 22, 15, 27, 33],
    [19, 14, 21, 14, 38],
    [21, 32, 25, 12, 23],
]


def test_spatial_pyramid_pooling():
    bins = ' '.join(f'spatial_bin: {n}' for n in (1, 2, 3))
    fields = f'spatial_pyramid_pooling_param {{ pool: MAX {bins} }}'
    y = forward(case('SpatialPyramidPooling', fields, x=exactly([[PICTURE] * 2])))
    levels = [38] * 2, [31, 33, 32, 38] * 2, [9, 5, 8, 31, 27, 38, 32, 32, 38] * 2
    np.testing.assert_array_equal(y, [[*levels[0], *levels[1], *levels[2]]])


def test_a_pyramid_of_one_level_keeps_its_axes():
    fields = 'spatial_pyramid_pooling_param { spatial_bin: 2 }'
    y = forward(case('SpatialPyramidPooling', fields, x=exactly([[PICTURE]])))
    np.testing.assert_array_equal(y, [[[[31, 33], [32, 38]]]])


@pytest.mark.parametrize(
    'fields, message',
    [
        ('', 'spatial_bin: found none, needed: one or more numbers above 0'),
        ('spatial_bin: 0', 'spatial_bin: found 0, needed: one or more numbers above 0'),
        ('spatial_bin: 1 pool: AVE', 'pool: only MAX is known, as in SPP-net; SPP also has AVE'),
    ],
)
def test_what_a_pyramid_needs(fields, message):
    c = case(
        'SpatialPyramidPooling', f'spatial_pyramid_pooling_param {{ {fields} }}', x=(1, 1, 3, 3)
    )
    with pytest.raises(GoodinitError, match=message):
        forward(c)
