def starts(sizes, first, last):
    result = [0] * len(sizes)
    placed = []
    for i in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        start = 0
        neighbors = [j for j in placed if first[i] <= last[j] and first[j] <= last[i]]
        for j in sorted(neighbors, key=lambda j: result[j]):
            if start + sizes[i] <= result[j]:
                break
            start = max(start, result[j] + sizes[j])
        result[i] = start
        placed.append(i)
    return result
