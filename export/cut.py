"""A net as it is used: without what only training needs, and without what leads nowhere."""

from collections.abc import Iterable

from ..netlib.errors import NetError, did_you_mean
from ..netlib.graph import without_splits
from ..netlib.layers import Layer
from ..netlib.registry import layer_class
from ..proto.caffe_pb2 import LayerParameter, NetParameter
from .registry import CUT


def deploy(
    param: NetParameter, until: str = '', train: bool = False
) -> tuple[NetParameter, list[str]]:
    """The layers that the net's outputs need, and notes on what was cut.

    Losses and their like go (`registry.CUT`); the scores that they read become outputs. until: the
    blobs that are wanted, with commas between, in place of all outputs. train: losses stay. Raises
    NetError for an unknown blob, and where nothing is left.
    """
    param = without_splits(param)
    ending = [layer for layer in param.layer if _ends(layer, train)]
    kept = [layer for layer in param.layer if layer not in ending]
    gone = [layer for layer in ending if layer.type != 'Silence']
    wanted = set(until.split(',')) if until else _outputs(kept, ending)
    for name in wanted:
        _check_blob(name, kept, param)
    out = _without_layers(param)
    needed = _needed(kept, wanted)
    if not any(layer.type != 'Input' for layer in needed):
        raise NetError(f"net '{param.name}': no layer is left that computes an output")
    read = {blob for layer in needed for blob in layer.bottom}
    for layer in needed:
        new = out.layer.add()
        new.CopyFrom(layer)
        for rule in ('include', 'exclude', *([] if train else ['loss_weight', 'propagate_down'])):
            new.ClearField(rule)
        if layer.type == 'Input':
            _keep_tops(new, read)
    return out, list(_notes(gone, kept, needed))


def _keep_tops(layer: LayerParameter, read: set[str]) -> None:
    """Take those tops from an Input layer that nobody reads."""
    shapes = list(layer.input_param.shape)
    if len(shapes) == 1:
        shapes *= len(layer.top)
    tops = list(layer.top)
    layer.ClearField('top')
    layer.ClearField('input_param')
    for index, top in enumerate(tops):
        if top in read:
            layer.top.append(top)
            layer.input_param.shape.extend(shapes[index : index + 1])


def _without_layers(param: NetParameter) -> NetParameter:
    """The net's name and state."""
    out = NetParameter(name=param.name)
    out.state.CopyFrom(param.state)
    return out


def _ends(layer: LayerParameter, train: bool) -> bool:
    """Whether nothing that is wanted follows the layer."""
    if train and layer_class(layer).is_loss:
        return False
    return layer.type == 'Silence' or layer.type in CUT


def _check_blob(name: str, layers: Iterable[LayerParameter], param: NetParameter) -> None:
    made = [top for layer in layers for top in layer.top]
    if name not in made:
        raise NetError(f"net '{param.name}' has no blob '{name}'{did_you_mean(name, made)}")


def _outputs(kept: Iterable[LayerParameter], ending: Iterable[LayerParameter]) -> set[str]:
    """The blobs that no kept layer reads, except inputs, labels and what is silenced."""
    made: set[str] = set()
    read: set[str] = set()
    for layer in kept:
        read.update(layer.bottom)
        read.difference_update(layer.top)
        if layer.type != 'Input':
            made.update(layer.top)
    return made - read - _labels(ending)


def _labels(ending: Iterable[LayerParameter]) -> set[str]:
    """What layers that are cut read only to compare with, or to silence."""
    scores: set[str] = set()
    others: set[str] = set()
    for layer in ending:
        compared = _compared(layer)
        for index, blob in enumerate(layer.bottom):
            (others if compared(index) else scores).add(blob)
    return others - scores


def _compared(layer: LayerParameter):
    """Whether a bottom of a layer that is cut is a label, or silenced, by the bottom's index."""
    if layer.type == 'Silence':
        return lambda index: True
    if layer.type == 'Accuracy':
        return lambda index: index > 0
    known: type[Layer] = layer_class(layer)
    return lambda index: index in known.no_gradient


def _needed(kept: list[LayerParameter], wanted: set[str]) -> list[LayerParameter]:
    """The layers that the wanted blobs depend on, in their order."""
    open_blobs, out = set(wanted), []
    for layer in reversed(kept):
        if open_blobs.intersection(layer.top):
            open_blobs.difference_update(layer.top)
            open_blobs.update(layer.bottom)
            out.append(layer)
    return out[::-1]


def _notes(gone, kept, needed) -> Iterable[str]:
    if gone:
        yield f'cut: {_listed(gone)}'
    names = [layer.name for layer in needed]
    idle = [layer for layer in kept if layer.name not in names]
    if idle:
        yield f'left out, since no output depends on it: {_listed(idle)}'


def _listed(layers: list[LayerParameter]) -> str:
    return ', '.join(f"'{layer.name}' ({layer.type})" for layer in layers)
