"""Overlaps and codes of boxes, one at a time: both corners are inside."""

import math


def overlap_of(one, other):
    wide = min(one[2], other[2]) - max(one[0], other[0]) + 1
    high = min(one[3], other[3]) - max(one[1], other[1]) + 1
    shared = max(wide, 0) * max(high, 0)
    sizes = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (one, other)]
    return shared / (sum(sizes) - shared)


def code_of(region, box):
    wide, high = region[2] - region[0] + 1, region[3] - region[1] + 1
    to_wide, to_high = box[2] - box[0] + 1, box[3] - box[1] + 1
    return [
        (box[0] + to_wide / 2 - region[0] - wide / 2) / wide,
        (box[1] + to_high / 2 - region[1] - high / 2) / high,
        math.log(to_wide / wide),
        math.log(to_high / high),
    ]
