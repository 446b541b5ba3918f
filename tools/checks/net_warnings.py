"""What is surely a mistake, or without effect, in a net that can be built. Each rule says why."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ...netlib import Net
from ...netlib.blob import Blob
from ...netlib.layers import Layer
from ...netlib.never_learning import never_learning, never_learning_notes
from ...proto.caffe_pb2 import TRAIN, LayerParameter
from ...proto.upgrade_v1 import DATA_PARAMS, TRANSFORMS
from .findings import Finding
from .noting import Noting

# The loss layers that apply a function by themselves.
APPLIED = {
    'SoftmaxWithLoss': 'Softmax',
    'InfogainLoss': 'Softmax',
    'SigmoidCrossEntropyLoss': 'Sigmoid',
}
# Layers whose tops are for the log, not for other layers.
REPORTING = ('Accuracy', 'ArgMax', 'Input')


@dataclass
class Placed:
    """A layer in its net. maker: the layer whose top is its first bottom, Splits aside."""

    net: Net
    layer: Layer
    bottom: list[Blob]
    top: list[Blob]
    maker: Layer | None


def layer_warnings(net: Net, path: str) -> Iterator[Finding]:
    """Warnings about single layers."""
    makers: dict[str, Layer] = {}
    for layer, bottom, top in net.steps:
        maker = makers.get(bottom[0].name) if bottom else None
        placed = Placed(net, layer, bottom, top, maker)
        for rule in LAYER_RULES:
            for message in rule(placed):
                yield warning(layer.param, path, message)
        source = maker if layer.type == 'Split' else None
        for blob in top:
            makers[blob.name] = source or layer


def ignored_transforms(placed: Placed) -> Iterator[str]:
    """`layers` had settings in data_param that `layer` does not read there, as in Caffe."""
    param = placed.layer.param
    if param.type not in DATA_PARAMS:
        return
    data_param = DATA_PARAMS[param.type]
    for field in TRANSFORMS:
        if getattr(param, data_param).HasField(field):
            yield (
                f'{data_param}.{field}: is not read here; '
                f'needed: transform_param {{ {field}: ... }}'
            )


def unread_messages(placed: Placed) -> Iterator[str]:
    """A layer was given a message of another type, such as pooling_param: it is set up once more,
    to see which messages it reads."""
    layer = placed.layer
    given = _other_messages(layer)
    if layer.is_data or layer.type == 'Python' or not given:
        return
    noting: Any = Noting(layer.param)
    again = type(layer)(noting, layer.engine, layer.phase, layer.rng)
    again.setup(placed.bottom, placed.top)
    again.reshape(placed.bottom, placed.top)
    for name in given:
        if name not in noting.noted:
            yield f'{name}: found, but a {layer.type} layer does not read it'


def _other_messages(layer: Layer) -> list[str]:
    """The messages with fields that a layer was given, except the one called as its type."""
    own = {f'{layer.type}param'.lower()}
    if layer.is_loss:
        own.add('lossparam')
    given = []
    for field, value in layer.param.ListFields():
        is_own = field.name.replace('_', '') in own
        if field.name.endswith('_param') and not is_own and value.ListFields():
            given.append(field.name)
    return given


def applied_twice(placed: Placed) -> Iterator[str]:
    """A loss applies the softmax or sigmoid below it once more."""
    layer = placed.layer
    maker = placed.maker
    if maker is not None and maker.type == APPLIED.get(layer.type):
        yield (
            f"bottom '{placed.bottom[0].name}': found the top of the {maker.type} '{maker.name}', "
            f'needed what goes into that one: {layer.type} applies it by itself'
        )


def drops_everything(placed: Placed) -> Iterator[str]:
    """A Dropout of ratio 1 lets nothing pass."""
    layer = placed.layer
    ratio = layer.param.dropout_param.dropout_ratio
    if layer.type == 'Dropout' and ratio >= 1:
        yield f'dropout_ratio: found {ratio:g}, needed: less than 1; nothing passes in TRAIN'


def overwrites_below(placed: Placed) -> Iterator[str]:
    """A layer in place writes over values that the gradient of the layer below it needs."""
    maker = placed.maker
    top = placed.top
    if maker is None or placed.bottom[0] not in top:
        return
    if loses_gradient(placed.net, maker, placed.layer):
        yield (
            f"top '{top[0].name}': is in place on the top of the {maker.type} '{maker.name}', "
            'whose gradient needs the overwritten values: as in Caffe, it comes out wrong; '
            'needed: a top of another name'
        )


def loses_gradient(net: Net, maker: Layer, layer: Layer) -> bool:
    """Whether `layer`, in place on what the backward of `maker` reads, changes the gradient.

    Dropout and ReLU keep the signs, which are all that a ReLU needs.
    """
    if maker.type == 'ReLU' and layer.type in ('Dropout', 'ReLU'):
        return False
    if net.phase != TRAIN or not maker.traits.reads_top:
        return False
    return net.runs_backward[net.layers.index(maker)]


LAYER_RULES: tuple[Callable[[Placed], Iterator[str]], ...] = (
    ignored_transforms,
    unread_messages,
    applied_twice,
    drops_everything,
    overwrites_below,
)


def net_warnings(net: Net, path: str, trains: bool) -> Iterator[Finding]:
    """Warnings about a net as a whole, every layer of which was built. trains: it is there to be
    trained."""
    yield from same_names(net, path)
    if net.phase != TRAIN:
        return
    weights = top_weights(net)
    if any(weights.values()):
        yield from without_effect(net, path, weights)
        yield from zero_weights(net, path)
    elif trains:
        message = (
            'the net has no loss in TRAIN, and learns nothing; '
            'needed: a loss layer, or a loss_weight'
        )
        yield Finding(path, 0, message, warning=True)


def same_names(net: Net, path: str) -> Iterator[Finding]:
    """Layers with parameters that share a name: a caffemodel cannot tell them apart."""
    learning = [layer for layer in net.layers if layer.params]
    names = Counter(layer.name for layer in learning)
    for layer in learning:
        if names[layer.name] > 1:
            message = (
                'name: another layer with parameters has the same name; '
                'weights are saved and loaded by name'
            )
            yield warning(layer.param, path, message)


def top_weights(net: Net) -> dict[str, float]:
    """{blob: its weight in the loss} of all tops."""
    weights: dict[str, float] = {}
    for layer, _, top in net.steps:
        for blob, weight in zip(top, layer.loss_weights, strict=True):
            weights[blob.name] = weight
    return weights


def without_effect(net: Net, path: str, weights: dict[str, float]) -> Iterator[Finding]:
    """Layers on which no loss depends: those that would learn, and those whose tops no layer reads.

    weights: as top_weights gives them.
    """
    cut = any(layer.param.propagate_down for layer in net.layers)
    unread = {name for name in net.outputs if not weights[name]}
    for (layer, _, top), runs in zip(net.steps, net.runs_backward, strict=True):
        names = [blob.name for blob in top]
        learns = any(param.learns for param in layer.params)
        if learns and not runs and not cut:
            message = 'its parameters do not learn: no loss depends on what it makes'
            yield warning(layer.param, path, message)
        elif is_for_readers(layer) and unread.issuperset(names):
            listed = ', '.join(map(repr, names))
            message = (
                f'top {listed}: no layer reads it; '
                'remove the layer in TRAIN, or end the blob in a Silence layer'
            )
            yield warning(layer.param, path, message)


def zero_weights(net: Net, path: str) -> Iterator[Finding]:
    """Layers that a loss depends on, whose weights begin as zeros and never learn: one warning, at
    the first of them."""
    reached = dict(zip(net.layers, net.runs_backward, strict=True))
    layers = [layer for layer in never_learning(net) if reached[layer]]
    notes = never_learning_notes(layers)
    if layers:
        message = f'{"; ".join(notes)} (weight_filler {{ type: "msra" }}, or train --init lsuv)'
        yield warning(layers[0].param, path, message)


def is_for_readers(layer: Layer) -> bool:
    """Whether a layer makes its tops for other layers, and not for the log."""
    reports = layer.is_data or layer.is_loss or layer.type in REPORTING
    return bool(layer.param.top) and not reports


def warning(param: LayerParameter, path: str, message: str) -> Finding:
    """A warning about the layer that a LayerParameter describes."""
    file, _, line = param.origin.rpartition(':')
    return Finding(
        file=file or path,
        line=int(line or 0),
        message=message,
        layer=param.name,
        type=param.type,
        warning=True,
    )
