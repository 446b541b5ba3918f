"""BVLC Caffe's log of a net: its layers and blobs as it is built, and its weights as they are
loaded."""

from ...netlib import Net
from ...netlib.blob import Blob
from ...netlib.layers import Layer
from ...proto import format_text
from .glog import log, number

FLOAT_BYTES = 4


def log_net(net: Net) -> None:
    """Log the layers of a net: their blobs, the shapes of their tops, and the cumulative memory of
    the tops."""
    log('net.cpp:53', f'Initializing net from parameters: \n{format_text(net.param).rstrip()}')
    count = 0
    for layer, bottom, top in net.steps:
        count += sum(blob.count for blob in top)
        _log_blobs(layer, bottom, top)
        _log_shapes(layer, top)
        log('net.cpp:139', f'Memory required for data: {FLOAT_BYTES * count}')
    _log_backward(net)
    for name in net.outputs:
        log('net.cpp:244', f'This network produces output {name}')
    log('net.cpp:257', 'Network initialization done.')


def _log_blobs(layer: Layer, bottom: list[Blob], top: list[Blob]) -> None:
    log('net.cpp:86', f'Creating Layer {layer.name}')
    for blob in bottom:
        log('net.cpp:408', f'{layer.name} <- {blob.name}')
    for blob in top:
        if blob in bottom:
            log('net.cpp:369', f'{layer.name} -> {blob.name} (in-place)')
        else:
            log('net.cpp:382', f'{layer.name} -> {blob.name}')


def _log_shapes(layer: Layer, top: list[Blob]) -> None:
    log('net.cpp:124', f'Setting up {layer.name}')
    for blob, weight in zip(top, layer.loss_weights, strict=True):
        shape = ' '.join(map(str, (*blob.shape, f'({blob.count})')))
        log('net.cpp:131', f'Top shape: {shape}')
        if weight:
            log('net.cpp:134', f'    with loss weight {number(weight)}')


def _log_backward(net: Net) -> None:
    layers = list(zip(net.layers, net.runs_backward, strict=True))
    for layer, runs in reversed(layers):
        if runs:
            log('net.cpp:200', f'{layer.name} needs backward computation.')
        else:
            log('net.cpp:202', f'{layer.name} does not need backward computation.')


def load_weights(net: Net, path: str) -> None:
    """Copy the weights of a caffemodel into the net, and log the layers that the net lacks.

    Raises GoodinitError for a file that does not fit.
    """
    for name in net.copy_from(path):
        log('net.cpp:752', f'Ignoring source layer {name}')
