"""What a net expects of its input: the order of channels, their range, the mean, the scale."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

import numpy as np

from ..netlib.shapes import Shape
from .onnx_graph import OnnxGraph
from .steps import Steps

# What may be given in place of what the net was trained on: order of channels, largest value.
KINDS = {'rgb255': ('RGB', 255), 'bgr255': ('BGR', 255), 'rgb01': ('RGB', 1)}


@dataclass
class Convention:
    """How an image becomes the net's input: (pixel - mean) * scale of values from 0 to 255.

    mean: one number, one per channel, or the name of a mean file; empty where the prototxt does not
    say. given: how images come in where the file itself prepares them (a key of KINDS).
    """

    order: str = 'BGR'
    layout: str = 'NCHW'
    range: tuple[float, float] = (0, 255)
    mean: list[float] = field(default_factory=list)
    mean_file: str = ''
    scale: float = 1.0
    given: str = ''

    def metadata(self, shape: Shape) -> str:
        """As JSON, with the size of the image."""
        return json.dumps({**asdict(self), 'size': list(shape[1:])})
