def offset(shape, index):
    place = 0
    for extent, i in zip(shape, index, strict=True):
        place = place * extent + i
    return place
