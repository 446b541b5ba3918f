"""Fields that prototxts spell in several ways, as one number for each spatial axis."""

from collections.abc import Sequence

from ..netlib.shapes import canonical_axis

Numbers = tuple[int, ...]


def pair(p, name: str, short: str, default: int = 0) -> tuple[int, int]:
    """A field of height and width: `name` once, or `short`_h and `short`_w."""
    if p.HasField(f'{short}_h') or p.HasField(f'{short}_w'):
        return getattr(p, f'{short}_h'), getattr(p, f'{short}_w')
    value = getattr(p, name) if p.HasField(name) else default
    return value, value


def spatial(p, name: str, default: int, axes: int) -> Numbers:
    """A repeated field of ConvolutionParameter: once for all axes, once for each, or _h and _w."""
    short = {'kernel_size': 'kernel'}.get(name, name)
    fields = p.DESCRIPTOR.fields_by_name
    if f'{short}_h' in fields and (p.HasField(f'{short}_h') or p.HasField(f'{short}_w')):
        return getattr(p, f'{short}_h'), getattr(p, f'{short}_w')
    values = list(getattr(p, name)) or [default]
    return tuple(values * axes if len(values) == 1 else values)


def sliding(p, axes: int) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Kernel, stride, pad and dilation of ConvolutionParameter `p`."""
    kernel = spatial(p, 'kernel_size', 1, axes)
    stride = spatial(p, 'stride', 1, axes)
    pad = spatial(p, 'pad', 0, axes)
    dilation = spatial(p, 'dilation', 1, axes)
    return kernel, stride, pad, dilation


def axis_of(axis: int, shape: Sequence[int]) -> int:
    """An axis counted from the front."""
    return canonical_axis(axis, len(shape))


def block_axis(p, old_name: str, shape: Sequence[int]) -> int:
    """The axis of Concat and Slice, in the newer spelling or the older one."""
    axis = getattr(p, old_name) if p.HasField(old_name) else p.axis
    return axis_of(axis, shape)
