"""A net of one layer, in float64 by the reference engine: our solutions of some exercises."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..netlib import Net
from ..netlib.engines import make_engine
from ..proto import parse_net
from ..proto.caffe_pb2 import TRAIN


def one_layer(layer: str, *bottoms: np.ndarray, phase: int = TRAIN) -> Net:
    """The net of a layer (type and fields, as in a prototxt) over these bottoms, whose values are
    set."""
    text = ['force_backward: true']
    names = [f'x{i}' for i in range(len(bottoms))]
    for name, values in zip(names, bottoms, strict=True):
        text.append(f'input: "{name}" input_shape {{ {dims(values.shape)} }}')
    reads = ' '.join(f'bottom: "{name}"' for name in names)
    text.append(f'layer {{ name: "layer" top: "y" {reads} {layer} }}')
    net = Net(parse_net('\n'.join(text)), phase, engine=float64_engine())
    for name, values in zip(names, bottoms, strict=True):
        net.blobs[name].data = values
    return net


def float64_engine():
    return make_engine('reference', dtype=np.float64)


def dims(shape: Sequence[int]) -> str:
    return ' '.join(f'dim: {n}' for n in shape)


def output(net: Net) -> np.ndarray:
    """The top after a forward pass."""
    net.forward()
    return net.blobs['y'].data.copy()
