import math


def reshaped(shape, dims):
    result = list(dims)
    for axis, extent in enumerate(result):
        if extent == 0:
            result[axis] = shape[axis]
    if -1 in result:
        known = math.prod(n for n in result if n > 0)
        result[result.index(-1)] = math.prod(shape) // known
    return result
