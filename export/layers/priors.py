"""The boxes that SSD starts from, which depend on shapes alone."""

from typing import cast

import numpy as np

from ...netlib.layers.host.prior_box import PriorBox
from ..onnx_graph import OnnxGraph, Tensor
from ..registry import onnx, torch
from ..steps import Step
from ..text import number
from ..torch_module import TorchModule


@onnx('PriorBox', 'PriorBoxClustered')
def prior_box(g: OnnxGraph, step: Step, *_: Tensor) -> Tensor:
    """A constant, since a file fixes the shapes."""
    step.layer.forward(step.bottom_blobs, step.top_blobs)
    boxes = step.top_blobs[0].data.astype(np.float32)
    return g.constant(boxes, f'{step.name}/boxes')


@torch('PriorBox', 'PriorBoxClustered')
def prior_box_torch(t: TorchModule, step: Step, x: str, data: str) -> str:
    p, layer = step.param.prior_box_param, cast(PriorBox, step.layer)
    places = tuple(step.x[2:])
    image = tuple(layer.image or step.bottoms[1].shape[2:])
    steps = layer.step or [n / m for n, m in zip(image, places, strict=True)]
    sizes = [(shortened(w), shortened(h)) for w, h in layer.sizes]
    variance = [shortened(v) for v in layer.variance]
    named = {'offset': number(p.offset), 'clip': p.clip}
    return t.call('prior_boxes', places, image, tuple(steps), sizes, variance, **named)


def shortened(value: float) -> float:
    return round(float(value), 6)
