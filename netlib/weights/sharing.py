"""What a layer's `param` fields say about its parameters: their rates, and which share memory."""

from __future__ import annotations

from ...proto import caffe_pb2 as pb
from ..blob import Param
from ..layers import Layer


def configure_params(layer: Layer, owners: dict[str, Param]) -> None:
    """Give the layer's parameters their rates and owners.

    `owners` maps each name seen so far to the first parameter with that name; later ones use its
    memory. Raises LayerError for fields that do not fit.
    """
    specs = list(layer.param.param)
    if len(specs) > len(layer.params):
        raise layer.error(
            f'Too many params specified for layer {layer.name}: found {len(specs)}, '
            f'it has {len(layer.params)} parameter blobs'
        )
    for param, spec in zip(layer.params, specs, strict=False):
        param.lr_mult, param.decay_mult = spec.lr_mult, spec.decay_mult
        param.learns = spec.lr_mult != 0
        if spec.name in owners:
            share_param(layer, param, spec, owners[spec.name])
        elif spec.name:
            owners[spec.name] = param
            param.spec = spec


def share_param(layer: Layer, param: Param, spec: pb.ParamSpec, owner: Param) -> None:
    """Let a parameter use its owner's memory. Raises LayerError if shapes or rates differ."""
    check_shapes(layer, param, spec, owner)
    for mult in ('lr_mult', 'decay_mult'):
        if spec.HasField(mult):
            share_multiplier(layer, mult, spec, owner)
    param.owner = owner
    param.share(owner)


def check_shapes(layer: Layer, param: Param, spec: pb.ParamSpec, owner: Param) -> None:
    """Raises LayerError unless shapes agree, or with share_mode: PERMISSIVE counts."""
    who = f"Cannot share param '{spec.name}' owned by {owner.name} with layer '{layer.name}'; "
    shapes = f'Owner layer param shape is {owner.shape_text}; '
    if spec.share_mode == spec.PERMISSIVE:
        if param.count != owner.count:
            found = f'sharing layer shape is {param.shape_text}'
            raise layer.error(f'{who}count mismatch. {shapes}{found}')
    elif param.shape != owner.shape:
        found = f'sharing layer expects shape {param.shape_text}'
        raise layer.error(f'{who}shape mismatch. {shapes}{found}')


def share_multiplier(layer: Layer, mult: str, spec: pb.ParamSpec, owner: Param) -> None:
    """Give the owner a multiplier that only a later user of its memory specifies."""
    value = getattr(spec, mult)
    if not owner.spec.HasField(mult):
        setattr(owner, mult, value)
        setattr(owner.spec, mult, value)
    elif getattr(owner.spec, mult) != value:
        raise layer.error(
            f"Shared param '{spec.name}' has mismatched {mult}: {value:g}, "
            f'its owner says {getattr(owner.spec, mult):g}'
        )
