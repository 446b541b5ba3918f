"""What a net expects of its input: the order of channels, their range, the mean, the scale."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..netlib.errors import NetError
from ..netlib.shapes import Shape
from ..proto import ProtoError, read_any
from ..proto.caffe_pb2 import NetParameter, TransformationParameter

# What may be given in place of what the net was trained on: the order of channels, and by what
# values are multiplied to lie in 0 to 255.
GIVEN = {'rgb255': ('RGB', 1.0), 'bgr255': ('BGR', 1.0), 'rgb01': ('RGB', 255.0)}


@dataclass
class Convention:
    """How an image becomes the net's input: (pixel - mean) * scale, of values from 0 to 255.

    mean: one number, or one per channel; empty where nobody says. mean_file: that of the prototxt,
    which files for other frameworks do not carry. given: a key of GIVEN where the file itself
    prepares its images. source: where this was read.
    """

    mean: list[float] = field(default_factory=list)
    mean_file: str = ''
    scale: float = 1.0
    given: str = ''
    source: str = ''

    def metadata(self, shape: Shape) -> dict[str, Any]:
        """What a file says of an input of this shape, for JSON."""
        if len(shape) != 4:
            return {'layout': 'as Caffe has it'}
        order, factor = GIVEN.get(self.given, ('BGR', 1.0))
        out = {
            'layout': 'NCHW',
            'channels': order if shape[1] == 3 else shape[1],
            'size': list(shape[2:]),
            'range': [0, 255 / factor],
        }
        if self.given:
            return out | {'mean': 'subtracted in the file', 'scale': 'applied in the file'}
        return out | {'mean': self.mean or self.mean_file or 'not stated', 'scale': self.scale}

    def describe(self, shape: Shape) -> str:
        """What a file says of an input of this shape, for people."""
        if len(shape) != 4:
            return f'({", ".join(["N", *map(str, shape[1:])])})'
        order, factor = GIVEN.get(self.given, ('BGR', 1.0))
        colors = f', {order}' if shape[1] == 3 else ''
        out = f'(N, {shape[1]}, {shape[2]}, {shape[3]}){colors}, values from 0 to {255 / factor:g}'
        if self.given:
            return out
        mean = ', '.join(f'{value:g}' for value in self.mean) or self.mean_file
        out += f' minus {mean}' if mean else ' (of a mean nothing is stated)'
        return out if self.scale == 1 else f'{out}, times {self.scale:g}'

    def mean_of(self, channels: int) -> list[float] | None:
        """The mean that fits an input of so many channels."""
        return self.mean if len(self.mean) in (1, channels) else None

    def check(self, channels: int) -> None:
        """Raises NetError where `given` asks for what is not known."""
        if self.given and channels != 3:
            raise NetError(f'--input {self.given} is for three channels; the net takes {channels}')
        if self.given and self.mean and self.mean_of(channels) is None:
            raise NetError(f'the mean has {len(self.mean)} numbers, the input {channels} channels')
        if self.given and self.mean_file and not self.mean:
            raise NetError(
                f'--input {self.given} needs the mean as numbers; the net has the mean file '
                f'{self.mean_file}: give --mean B,G,R'
            )


def convention_of(param: NetParameter, path: Path | None = None) -> Convention:
    """What the net's data layers say, or those of the train_val prototxt beside a deploy one."""
    found = _said(param)
    if not found and path:
        beside = path.with_name('train_val.prototxt')
        named = path.with_name(path.name.replace('deploy', 'train_val'))
        for other in (named, beside):
            found = found or (_said_in(other) if other != path else None)
    return found or Convention()


def _said_in(path: Path) -> Convention | None:
    if not path.is_file():
        return None
    try:
        net = read_any(path)
    except ProtoError:
        return None
    return _said(net) if isinstance(net, NetParameter) else None


def _said(param: NetParameter) -> Convention | None:
    for layer in param.layer:
        if layer.HasField('transform_param'):
            return _read(layer.transform_param)
    return None


def _read(p: TransformationParameter) -> Convention:
    return Convention(list(p.mean_value), p.mean_file, round(p.scale, 9))


def numbers(mean: str) -> list[float]:
    """The mean that a user gives: numbers with commas, or a file, whose channels are averaged.
    Raises DataError."""
    try:
        return [float(value) for value in mean.split(',')]
    except ValueError:
        return channel_means(mean)


def channel_means(path: str) -> list[float]:
    """The mean of each channel of a mean file. Raises DataError."""
    from ..netlib.data.transform import read_mean

    return [round(float(value), 4) for value in read_mean(path).mean((1, 2))]


class Preparation:
    """What turns images as they are given into the net's input: the order in which to take their
    channels, by what to multiply them first, the mean to subtract, by what to multiply in the end.
    """

    def __init__(self, convention: Convention):
        order, self.factor = GIVEN[convention.given]
        self.reverse = order == 'RGB'
        mean = np.resize(np.array(convention.mean or [0.0], np.float32), 3)
        self.mean = mean.reshape(3, 1, 1)
        self.scale = np.float32(convention.scale)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """The net's input (N, 3, H, W)."""
        images = images[:, ::-1] if self.reverse else images
        return (images * np.float32(self.factor) - self.mean) * self.scale


def is_image(shape: Shape) -> bool:
    """Whether an input is one that `given` speaks of: images of three channels."""
    return len(shape) == 4 and shape[1] == 3
