def copies(layers):
    version = {}
    readers = {}
    for i, (bottoms, tops) in enumerate(layers):
        for blob in bottoms:
            at = (blob, version[blob])
            readers[at] = readers.get(at, 0) + 1
        for blob in tops:
            version[blob] = i
    return {blob: count for (blob, _), count in readers.items() if count > 1}
