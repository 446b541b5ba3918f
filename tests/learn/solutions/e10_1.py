def winograd(d, g):
    even = (g[0] + g[2]) / 2
    m1 = (d[0] - d[2]) * g[0]
    m2 = (d[1] + d[2]) * (even + 0.5 * g[1])
    m3 = (d[2] - d[1]) * (even - 0.5 * g[1])
    m4 = (d[1] - d[3]) * g[2]
    return [m1 + m2 + m3, m2 - m3 - m4]
