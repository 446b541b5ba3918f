"""Weights that are zero and stay zero, however long a net is trained.

Caffe fills weights with zeros unless a prototxt names a weight_filler. A zero layer in front of a
loss learns; two in a row do not, because each waits for the other: the upper one gets no input, and
the lower one no gradient. Nor does one below a ReLU, whose derivative at 0 is 0.

What is zero is followed through the layers, forward and backward, and through training: a parameter
that may get a gradient is no longer zero. Where a layer's rule is not known it may be anything, so
that a layer found here certainly never learns.
"""

from collections.abc import Iterable

from ..proto.caffe_pb2 import FillerParameter
from .blob import Blob, Param
from .layers import Layer
from .layers.shared.affine import Affine
from .net import Net


def filled_with_zeros(param: Param) -> bool:
    """Whether the filler of a parameter is Caffe's default, or another constant 0."""
    filler = param.filler
    return filler is not None and filler.type == 'constant' and not filler.value


def never_learning(net: Net) -> list[Layer]:
    """The layers whose weights are zero and will not learn, although they should. Where all weights
    have fillers, no value is read, which would delay a device."""
    asked = []
    for layer in net.layers:
        weight = _weight(layer)
        if weight is not None and weight.learns and filled_with_zeros(weight.owner):
            asked.append(layer)
    if not asked:
        return []
    zero = _zeros(net)
    while learned := _learning(net, zero) & zero:
        zero -= learned
    return [layer for layer in asked if layer.params[0].owner in zero]


def _zeros(net: Net) -> set[Param]:
    """The parameters that were filled with zeros, and are zero still."""
    found = set()
    for param in net.all_params():
        if param.owner is param and filled_with_zeros(param) and not param.values.array().any():
            found.add(param)
    return found


def never_learning_notes(layers: Iterable[Layer]) -> list[str]:
    """Sentences that name such layers."""
    kinds: dict[str, list[str]] = {}
    for layer in layers:
        given = layer.params[0].filler != FillerParameter()
        kind = 'a weight_filler of zeros' if given else 'no weight_filler'
        kinds.setdefault(kind, []).append(layer.name)
    notes = []
    for kind, names in kinds.items():
        subject, their = (f'layer {names[0]} has', 'its')
        if len(names) > 1:
            subject, their = (f'layers {", ".join(names)} have', 'their')
        notes.append(f'{subject} {kind}: {their} weights are 0 and never learn')
    return notes


def _weight(layer: Layer) -> Param | None:
    """The weights of a layer whose tops are linear in them."""
    is_linear = isinstance(layer, Affine) or layer.type == 'Embed'
    return layer.params[0] if is_linear else None


def _learning(net: Net, zero: set[Param]) -> set[Param]:
    """The parameters that may get a gradient while those in `zero` are zero."""
    dark = _sees_zeros(net, zero)
    losses = [any(layer.loss_weights) for layer in net.layers]
    reached: set[str] = set() if any(losses) else set(net.outputs)  # by a gradient
    learning: set[Param] = set()
    for i in reversed(range(len(net.layers))):
        layer, bottom, top = net.steps[i]
        names = {blob.name for blob in top}
        is_reached = losses[i] or not names.isdisjoint(reached)
        reached -= names
        if not is_reached:
            continue
        weight = _weight(layer)
        for param in layer.params:
            if param.learns and not (param is weight and dark[i]):
                learning.add(param.owner)
        stops = layer.traits.is_rectifier and dark[i]
        if not stops and (weight is None or weight.owner not in zero):
            reached.update(blob.name for blob in bottom)
    return learning


def _sees_zeros(net: Net, zero: set[Param]) -> list[bool]:
    """Whether each layer gets nothing but zeros."""
    dark: set[str] = set()  # blobs that are zero
    seen = []
    for layer, bottom, top in net.steps:
        is_dark = bool(bottom) and _all_in(bottom, dark)
        seen.append(is_dark)
        names = {blob.name for blob in top}
        dark -= names
        if _makes_zeros(layer, is_dark, zero):
            dark |= names
    return seen


def _makes_zeros(layer: Layer, is_dark: bool, zero: set[Param]) -> bool:
    """Whether the tops of a layer are zero; is_dark: its bottoms are."""
    weight = _weight(layer)
    if weight is not None or layer.type == 'Scale':
        shift = getattr(layer, 'bias', None)
        is_dark = is_dark or weight is not None and weight.owner in zero
        return is_dark and (shift is None or shift.owner in zero)
    if layer.type == 'BatchNorm':
        return is_dark and layer.scaling.kind == 'free'  # by the statistics of its batch
    return is_dark and layer.scaling.kind == 'equal'


def _all_in(blobs: Iterable[Blob], names: set[str]) -> bool:
    return all(blob.name in names for blob in blobs)
