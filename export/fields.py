"""Fields that prototxts spell in several ways, as one number for each spatial axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from google.protobuf.message import Message

from ..netlib.shapes import canonical_axis
from ..proto.caffe_pb2 import ConcatParameter, ConvolutionParameter, SliceParameter

Numbers = tuple[int, ...]


@dataclass(frozen=True)
class Sliding:
    """How a kernel slides: a number for each spatial axis."""

    kernel: Numbers
    stride: Numbers
    pad: Numbers
    dilation: Numbers

    def without_pad(self) -> Sliding:
        return replace(self, pad=(0,) * len(self.pad))


def pair(p: Message, name: str, short: str, default: int = 0) -> tuple[int, int]:
    """A field of height and width: `name` once, or `short`_h and `short`_w."""
    if p.HasField(f'{short}_h') or p.HasField(f'{short}_w'):
        return getattr(p, f'{short}_h'), getattr(p, f'{short}_w')
    value = getattr(p, name) if p.HasField(name) else default
    return value, value


def spatial(p: ConvolutionParameter, name: str, default: int, axes: int) -> Numbers:
    """A repeated field of a convolution: once for all axes, once for each, or _h and _w."""
    short = {'kernel_size': 'kernel'}.get(name, name)
    fields = p.DESCRIPTOR.fields_by_name
    if f'{short}_h' in fields:
        given = [p.HasField(f'{short}_{side}') for side in 'hw']
        if any(given):
            return getattr(p, f'{short}_h'), getattr(p, f'{short}_w')
    values = list(getattr(p, name)) or [default]
    if len(values) == 1:
        values *= axes
    return tuple(values)


def sliding(p: ConvolutionParameter, axes: int) -> Sliding:
    """Kernel, stride, pad and dilation over so many spatial axes."""
    return Sliding(
        spatial(p, 'kernel_size', 1, axes),
        spatial(p, 'stride', 1, axes),
        spatial(p, 'pad', 0, axes),
        spatial(p, 'dilation', 1, axes),
    )


def axis_of(axis: int, shape: Sequence[int]) -> int:
    """An axis counted from the front."""
    return canonical_axis(axis, len(shape))


def block_axis(p: ConcatParameter | SliceParameter, old_name: str, shape: Sequence[int]) -> int:
    """The axis of Concat and Slice, in the newer spelling or the older one."""
    axis = getattr(p, old_name) if p.HasField(old_name) else p.axis
    return axis_of(axis, shape)
