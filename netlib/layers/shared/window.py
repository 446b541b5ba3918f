"""The window that slides over an image, read from the fields of ConvolutionParameter."""

from ....proto.caffe_pb2 import ConvolutionParameter
from ...engines.interface import Window
from ...shapes import Shape
from ..base import Layer


def read_window(layer: Layer, p: ConvolutionParameter, axes: int) -> Window:
    """The window described by the fields, for `axes` spatial axes. Raises LayerError."""
    window = Window(
        kernel=per_axis(layer, p, 'kernel_size', axes, default=None),
        stride=per_axis(layer, p, 'stride', axes, default=1),
        pad=per_axis(layer, p, 'pad', axes, default=0),
        dilation=repeated(layer, 'dilation', list(p.dilation) or [1], axes),
    )
    check_positive(layer, 'kernel_size', window.kernel)
    check_positive(layer, 'stride', window.stride)
    check_positive(layer, 'dilation', window.dilation)
    return window


def per_axis(
    layer: Layer, p: ConvolutionParameter, field: str, axes: int, default: int | None
) -> Shape:
    """A field given once, once per axis, or for two axes as _h and _w."""
    values = list(getattr(p, field))
    short = 'kernel' if field == 'kernel_size' else field
    height, width = f'{short}_h', f'{short}_w'
    if not p.HasField(height) and not p.HasField(width):
        if not values and default is not None:
            values = [default]
        return repeated(layer, field, values, axes)
    if axes != 2:
        raise layer.error(
            f'{short}_h & {short}_w can only be used for 2D convolution; found {axes} '
            f'spatial axes: use {field}, once per axis'
        )
    if values:
        raise layer.error(f'Either {field} or {short}_h/w should be specified; not both')
    return getattr(p, height), getattr(p, width)


def repeated(layer: Layer, field: str, values: list[int], axes: int) -> Shape:
    """The values of a field, one per axis; a single value applies to all."""
    if len(values) not in (1, axes):
        raise layer.error(
            f'{field} must be specified once, or once per spatial dimension '
            f'({field} specified {len(values)} times; {axes} spatial dims)'
        )
    return tuple(values * axes) if len(values) == 1 else tuple(values)


def check_positive(layer: Layer, field: str, values: Shape) -> None:
    least = min(values, default=1)
    if least < 1:
        raise layer.error(f'{field}: {least} must be positive (Filter dimensions must be nonzero)')
