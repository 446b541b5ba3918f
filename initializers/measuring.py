"""A net as initializers and measures look at it: without dropout, and left as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ..netlib import Net
from ..netlib.blob import Param
from ..proto.caffe_pb2 import TEST
from .reach import affine_layers


@contextmanager
def measuring(net: Net, dropout: bool = False) -> Iterator[None]:
    """Dropout passes everything (unless `dropout`), and what forward itself changes (the running
    statistics of BatchNorm) is put back afterwards."""
    drawing = [layer for layer in net.layers if layer.traits.draws and not dropout]
    phases = [layer.phase for layer in drawing]
    state = _state(net)
    for layer in drawing:
        layer.phase = TEST
    try:
        yield
    finally:
        for layer, phase in zip(drawing, phases, strict=True):
            layer.phase = phase
        for param, values in state:
            param.data = values


def _state(net: Net) -> list[tuple[Param, np.ndarray]]:
    """Copies of all parameters but those of affine layers, which initializers change."""
    affine: set[Param] = set()
    for layer in affine_layers(net):
        affine.update(param.owner for param in layer.params)
    others = [param for param in net.all_params() if param.owner is param and param not in affine]
    return [(param, param.data.copy()) for param in others]
