import math


def pool_extent(size, kernel, stride, pad):
    positions = math.ceil((size + 2 * pad - kernel) / stride) + 1
    if pad and (positions - 1) * stride >= size + pad:
        positions -= 1
    return positions
