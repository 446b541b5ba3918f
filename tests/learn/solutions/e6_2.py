def updated(mean, var, factor, x, f):
    axes = (0, *range(2, x.ndim))
    m = x.size // x.shape[1]
    var = f * var + m / (m - 1) * x.var(axes)
    mean = f * mean + x.mean(axes)
    factor = f * factor + 1
    return mean, var, factor
