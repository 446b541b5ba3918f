"""A layer's case, run forward and backward, and the layer types that have no case."""

# test_annotated_data.py, test_data_layers.py, test_host_layers.py
TESTED_ELSEWHERE = {
    'AnnotatedData',
    'Data',
    'DenseImageData',
    'DummyData',
    'HDF5Data',
    'HDF5Output',
    'ImageData',
    'MemoryData',
    'Python',
    'WindowData',
}


def run(case, net):
    """{name: array} of tops and gradients after a forward and a backward pass."""
    case.put(net)
    net.forward()
    tops = values(net.tops[-1])
    net.clear_param_diffs()
    case.backward(net)
    return tops | {name: blob.diff.copy() for name, blob in case.gradients(net).items()}


def values(blobs):
    return {blob.name: blob.data.copy() for blob in blobs}
