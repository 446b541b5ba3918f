"""The BatchNorm of NVIDIA's and Intel's forks, which also learns a scale and a bias, as BVLC's two
layers: BatchNorm and Scale."""

from .caffe_pb2 import BatchNormParameter, LayerParameter, NetParameter
from .readers import sole_readers

LEAST_EPS = 1e-5  # NVIDIA's; a smaller eps counts as this
SUFFIX = '_scale_bias'  # of the name of a new Scale layer
FIELDS = ('scale_bias', 'scale_filler', 'bias_filler', 'filler')


def separate_scales(net: NetParameter) -> None:
    """Let a Scale layer learn what a BatchNorm of these forks learns.

    With NVIDIA's scale_bias or scale_filler it is a new one, in place, after the BatchNorm. Intel's
    fork leaves out a Scale that alone reads the BatchNorm's top, and learns in its place: that
    Scale stays, and gets the fillers. Where there is none, it is new as well.
    """
    norms = [layer for layer in net.layer if layer.type == 'BatchNorm']
    if not any(learns_scale(norm.batch_norm_param) for norm in norms):
        return
    layers = [LayerParameter.FromString(layer.SerializeToString()) for layer in net.layer]
    readers = sole_readers(layers)
    del net.layer[:]
    new = {}
    for i, layer in enumerate(layers):
        if layer.type == 'BatchNorm' and learns_scale(layer.batch_norm_param):
            scale = readers.get(i)
            if scale is None or not _in_its_place(scale, layer):
                scale = new[i] = _new_scale(layer)
            _move_fillers(layer.batch_norm_param, scale)
            _as_in_bvlc(layer)
    for i, layer in enumerate(layers):
        net.layer.append(layer)
        if i in new:
            net.layer.append(new[i])


def learns_scale(p: BatchNormParameter) -> bool:
    """Whether a BatchNorm learns a scale and a bias."""
    return _is_nvidias(p) or p.HasField('filler') or p.HasField('bias_filler')


def _is_nvidias(p: BatchNormParameter) -> bool:
    return p.scale_bias or p.HasField('scale_filler')


def _in_its_place(reader: LayerParameter, norm: LayerParameter) -> bool:
    """Whether the only layer that reads a BatchNorm's top is the Scale that Intel's fork leaves
    out."""
    is_scale = reader.type == 'Scale' and len(reader.bottom) == 1
    return is_scale and not _is_nvidias(norm.batch_norm_param)


def _new_scale(norm: LayerParameter) -> LayerParameter:
    """A Scale layer in place on the BatchNorm's top. NVIDIA's learns at the rate of the solver."""
    scale = LayerParameter(name=norm.name + SUFFIX, type='Scale', origin=norm.origin)
    scale.bottom.extend(norm.top)
    scale.top.extend(norm.top)
    scale.include.extend(norm.include)
    scale.exclude.extend(norm.exclude)
    scale.param.extend(norm.param[3:])
    if _is_nvidias(norm.batch_norm_param):
        for spec in scale.param:
            spec.lr_mult = spec.decay_mult = 1
    scale.scale_param.bias_term = True
    return scale


def _move_fillers(p: BatchNormParameter, scale: LayerParameter) -> None:
    """Fill the Scale as the BatchNorm says."""
    for name in ('filler', 'scale_filler'):
        if p.HasField(name):  # type: ignore[arg-type]
            scale.scale_param.filler.CopyFrom(getattr(p, name))
    if p.HasField('bias_filler'):
        scale.scale_param.bias_filler.CopyFrom(p.bias_filler)


def _as_in_bvlc(norm: LayerParameter) -> None:
    """The rest is BVLC's BatchNorm. NVIDIA's uses the stored statistics in TEST and only there,
    whatever use_global_stats says."""
    p = norm.batch_norm_param
    if _is_nvidias(p):
        p.ClearField('use_global_stats')
        if p.HasField('eps'):
            p.eps = max(p.eps, LEAST_EPS)
    for name in FIELDS:
        p.ClearField(name)
    del norm.param[3:]
    for spec in norm.param:
        spec.lr_mult = spec.decay_mult = 0
