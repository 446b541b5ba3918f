def tile(a, b, K):
    c = [[0.0] * 4 for _ in range(4)]
    for k in range(K):
        row = [b[k, j] for j in range(4)]
        for i in range(4):
            x = a[i, k]
            for j in range(4):
                c[i][j] += x * row[j]
    return c
