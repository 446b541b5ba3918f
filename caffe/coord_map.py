"""How positions in one blob of a NetSpec correspond to those in another, and the Crop layer that
aligns the two.

A map is (axis, scale, shift): position x of the blob below is position scale * x + shift of the
blob above. The spatial axes come after `axis`; (None, 1, 0) leaves every position where it is.
Scales and shifts are arrays, one number for all spatial axes or one for each. A position on top of
a convolution is the center of what it sees.
"""

from typing import Any

import numpy as np

from ..netlib.errors import NetError
from .net_spec import Function, Top, layers

# Layers that leave every position where it is.
NEURONS = (
    'AbsVal',
    'BNLL',
    'Clip',
    'ELU',
    'Mish',
    'PReLU',
    'ReLU',
    'Sigmoid',
    'Swish',
    'TanH',
    'Threshold',
)
ARITHMETIC = ('Bias', 'Dropout', 'Eltwise', 'Exp', 'Log', 'Power', 'Scale', 'Split')
NORMALIZING = ('BatchNorm', 'LRN', 'MVN')
POINTWISE = (*NEURONS, *ARITHMETIC, *NORMALIZING)
UNEQUAL_SIDES = {'kernel_h', 'kernel_w', 'stride_h', 'stride_w', 'pad_h', 'pad_w'}
IDENTITY = (None, 1, 0)

Map = tuple[int | None, np.ndarray | float, np.ndarray | float]


class UndefinedMapException(NetError):
    """A layer whose tops have no positions in its bottoms."""


class AxisMismatchException(NetError):
    """Two maps that count their spatial axes from different places."""


def conv_params(fn: Function) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """The axis, stride, kernel extent (with its dilation) and pad of a Convolution, Deconvolution,
    Im2col or Pooling.

    Raises UndefinedMapException for a layer without kernel_size, as in global pooling, or with
    kernel_h, kernel_w.
    """
    message = 'pooling_param' if fn.type_name == 'Pooling' else 'convolution_param'
    params = fn.params.get(message, fn.params)
    unequal = sorted(UNEQUAL_SIDES & set(params))
    if unequal or 'kernel_size' not in params:
        found = ', '.join(unequal) or 'no kernel_size'
        raise UndefinedMapException(
            f'a {fn.type_name} layer: found {found}, needed: kernel_size, stride and pad, '
            'for unequal sides as lists such as kernel_size=[3, 5]'
        )
    kernel = _array(params, 'kernel_size', 1)
    dilation = _array(params, 'dilation', 1)
    extent = (kernel - 1) * dilation + 1
    stride = _array(params, 'stride', 1)
    pad = _array(params, 'pad', 0)
    return params.get('axis', 1), stride, extent, pad


def _array(params: dict[str, Any], field: str, default: int) -> np.ndarray:
    """A field that holds one number for all spatial axes, or one for each."""
    return np.array(params.get(field, default), ndmin=1)


def crop_params(fn: Function) -> tuple[int, np.ndarray]:
    """The axis and offset of a Crop."""
    params = fn.params.get('crop_param', fn.params)
    return params.get('axis', 2), _array(params, 'offset', 0)


def coord_map(fn: Function) -> Map:
    """The map from a layer's bottom to its top. Raises UndefinedMapException for layers that have
    none."""
    if fn.type_name in ('Convolution', 'Pooling', 'Im2col'):
        axis, stride, kernel, pad = conv_params(fn)
        return axis, 1 / stride, (pad - (kernel - 1) / 2) / stride
    if fn.type_name == 'Deconvolution':
        axis, stride, kernel, pad = conv_params(fn)
        return axis, stride, (kernel - 1) / 2 - pad
    if fn.type_name == 'Crop':
        # A Crop names its first spatial axis, a convolution the one before.
        axis, offset = crop_params(fn)
        return axis - 1, 1, -offset
    if fn.type_name in POINTWISE:
        return IDENTITY
    raise UndefinedMapException(
        f'a {fn.type_name} layer does not say where its positions lie in its bottom'
    )


def compose(base_map: Map, next_map: Map) -> Map:
    """The map that applies `next_map` first, then `base_map`. Raises AxisMismatchException."""
    base_axis, base_scale, base_shift = base_map
    next_axis, next_scale, next_shift = next_map
    if None not in (base_axis, next_axis) and base_axis != next_axis:
        raise AxisMismatchException(
            f'spatial axes come after axis {base_axis} in one map, {next_axis} in the next'
        )
    axis = next_axis if base_axis is None else base_axis
    return axis, base_scale * next_scale, base_scale * next_shift + base_shift


def inverse(coord_map: Map) -> Map:
    """The map from the blob above to the one below."""
    axis, scale, shift = coord_map
    return axis, 1 / scale, -shift / scale


def coord_map_from_to(top_from: Top, top_to: Top) -> Map:
    """The map from positions of one blob to those of another, by way of a blob that both are
    computed from.

    Raises RuntimeError where there is none that spatial layers lead to.
    """
    below_from = _maps_below(top_from)
    for top, to_map in _maps_below(top_to).items():
        if top in below_from:
            return compose(to_map, inverse(below_from[top]))
    raise RuntimeError('Could not compute map between tops; are they connected by spatial layers?')


def _maps_below(top: Top) -> dict[Top, Map]:
    """The map to `top` from each blob that it is computed from, the nearest first, itself
    included."""
    maps: dict[Top, Map] = {top: IDENTITY}
    frontier = [top]
    for above in frontier:
        fn = above.fn
        try:
            step = coord_map(fn)
        except UndefinedMapException:
            continue
        # The second bottom of a Crop gives only its extents.
        bottoms = fn.inputs[:1] if fn.type_name == 'Crop' else fn.inputs
        for below in bottoms:
            if below not in maps:
                maps[below] = compose(maps[above], step)
                frontier.append(below)
    return maps


def crop(top_from: Top, top_to: Top) -> Top:
    """The Crop of `top_from` to the extents of `top_to`, at the offset at which positions of the
    two agree.

    Raises AssertionError, as pycaffe does, where the scales differ or the offset is negative or not
    a whole number.
    """
    axis, scale, shift = coord_map_from_to(top_from, top_to)
    offset = -np.round(np.atleast_1d(shift)).astype(int)
    if not np.allclose(scale, 1):
        raise AssertionError(
            f'scale mismatch on crop (a = {scale}): pool and upsample by the same factor'
        )
    if (offset < 0).any():
        raise AssertionError(
            f'cannot crop negative width (b = {shift}): pad the first convolution more'
        )
    if not np.allclose(offset, -np.asarray(shift)):
        raise AssertionError(
            f'cannot crop noninteger width (b = {shift}): '
            'kernels of odd extent, or even ones in pairs, align'
        )
    first_spatial = 2 if axis is None else axis + 1
    crop_param = {'axis': first_spatial, 'offset': offset.tolist()}
    return layers.Crop(top_from, top_to, crop_param=crop_param)
