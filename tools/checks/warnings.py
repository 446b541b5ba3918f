"""What is surely a mistake, or of no effect, in a net that can be built. Each rule says why."""

from collections import Counter
from collections.abc import Iterator

from ...netlib import Net
from ...netlib.layers import Layer
from ...proto.caffe_pb2 import TRAIN, LayerParameter
from ...proto.upgrade_v1 import DATA_PARAMS, TRANSFORMS
from .findings import Finding

# What applies a function that the loss above it applies once more.
APPLIED = {
    'SoftmaxWithLoss': 'Softmax',
    'InfogainLoss': 'Softmax',
    'SigmoidCrossEntropyLoss': 'Sigmoid',
}


def layer_warnings(net: Net, path: str) -> Iterator[Finding]:
    """Warnings about single layers."""
    makers: dict[str, Layer] = {}
    for layer, bottom, top in zip(net.layers, net.bottoms, net.tops, strict=True):
        param = layer.param
        for field in [*ignored_transforms(param), *unread_fields(layer, bottom, top)]:
            yield warning(param, path, field)
        if (
            bottom
            and (maker := makers.get(bottom[0].name))
            and maker.type == APPLIED.get(layer.type)
        ):
            yield warning(
                param,
                path,
                f"bottom '{bottom[0].name}': found the top of the {maker.type} '{maker.name}', "
                f'needed what goes into that one: {layer.type} applies it by itself',
            )
        if layer.type == 'Dropout' and param.dropout_param.dropout_ratio >= 1:
            yield warning(
                param,
                path,
                f'dropout_ratio: found {param.dropout_param.dropout_ratio:g}, needed: less than '
                '1; nothing passes in TRAIN',
            )
        if bottom and bottom[0] in top and loses_gradient(net, makers[bottom[0].name], layer):
            maker = makers[bottom[0].name]
            yield warning(
                param,
                path,
                f"top '{top[0].name}': is in place on the top of the {maker.type} "
                f"'{maker.name}', whose gradient needs what was there: as in Caffe, it comes out wrong; "
                'needed: a top of another name',
            )
        makers.update(
            (blob.name, makers.get(bottom[0].name, layer) if layer.type == 'Split' else layer)
            for blob in top
        )


def loses_gradient(net: Net, maker: Layer, layer: Layer) -> bool:
    """Whether `layer`, in place on what the backward of `maker` reads, changes what that gives.
    Dropout and ReLU leave the signs alone, which are all that a ReLU asks for."""
    harmless = maker.type == 'ReLU' and layer.type in ('Dropout', 'ReLU')
    return (
        net.phase == TRAIN
        and maker.traits.reads_top
        and net.runs_backward[net.layers.index(maker)]
        and not harmless
    )


def ignored_transforms(param: LayerParameter) -> Iterator[str]:
    """Settings that `layers` had in its data_param, where `layer` does not read them, as in Caffe."""
    if param.type in DATA_PARAMS:
        data = getattr(param, DATA_PARAMS[param.type])
        for field in TRANSFORMS:
            if data.HasField(field):
                yield f'{DATA_PARAMS[param.type]}.{field}: is not read here; needed: transform_param {{ {field}: ... }}'


class Noting:
    """Stands for a message, and notes which of its fields are looked at."""

    def __init__(self, message):
        self._message, self.noted = message, set()

    def __getattr__(self, field):
        self.noted.add(field)
        return getattr(self._message, field)


def unread_fields(layer: Layer, bottom, top) -> Iterator[str]:
    """The messages such as pooling_param that a layer of another type was given: found by setting
    it up once more."""
    own = {f'{layer.type}param'.lower(), *(['lossparam'] if layer.is_loss else [])}
    given = [
        field.name
        for field, value in layer.param.ListFields()
        if field.name.endswith('_param')
        and value.ListFields()
        and field.name.replace('_', '') not in own
    ]
    if layer.is_data or layer.type == 'Python' or not given:
        return
    noting = Noting(layer.param)
    again = type(layer)(noting, layer.engine, layer.phase, layer.rng)
    again.setup(bottom, top)
    again.reshape(bottom, top)
    for field in given:
        if field not in noting.noted:
            yield f'{field}: found, but a {layer.type} layer does not read it'


def net_warnings(net: Net, path: str, trains: bool) -> Iterator[Finding]:
    """Warnings about the net as a whole, all of whose layers were built; `trains`: it is there to
    be trained."""
    names = Counter(layer.name for layer in net.layers if layer.params)
    for layer in net.layers:
        if layer.params and names[layer.name] > 1:
            yield warning(
                layer.param,
                path,
                'name: another layer with parameters has the same; weights are saved and '
                'loaded by name',
            )
    if net.phase != TRAIN:
        return
    weights = {
        blob.name: weight
        for layer, top in zip(net.layers, net.tops, strict=True)
        for blob, weight in zip(top, layer.loss_weights, strict=True)
    }
    if any(weights.values()):
        yield from without_effect(net, path, weights)
    elif trains:
        yield Finding(
            path,
            0,
            'the net has no loss in TRAIN, and learns nothing; needed: a loss layer, or a '
            'loss_weight',
            warning=True,
        )


def without_effect(net: Net, path: str, weights: dict[str, float]) -> Iterator[Finding]:
    """Layers on which no loss depends: those that would learn, and those of which nobody reads a
    top."""
    cut = any(layer.param.propagate_down for layer in net.layers)
    for layer, top, runs in zip(net.layers, net.tops, net.runs_backward, strict=True):
        names = [blob.name for blob in top]
        if any(param.learns for param in layer.params) and not runs and not cut:
            yield warning(
                layer.param, path, 'its parameters do not learn: no loss depends on what it makes'
            )
        elif (
            set(names) <= set(net.outputs)
            and not any(weights[name] for name in names)
            and is_for_readers(layer)
        ):
            yield warning(
                layer.param,
                path,
                f'top {", ".join(map(repr, names))}: nobody reads it; take the layer out '
                'of TRAIN, or end the blob in a Silence layer',
            )


def is_for_readers(layer: Layer) -> bool:
    """Whether a layer makes its tops for other layers, and not for the log."""
    return not (
        layer.is_data
        or layer.is_loss
        or layer.type in ('Accuracy', 'ArgMax', 'Input')
        or not layer.param.top
    )


def warning(param: LayerParameter, path: str, message: str) -> Finding:
    """A warning about the layer that a LayerParameter describes."""
    file, _, line = param.origin.rpartition(':')
    return Finding(file or path, int(line or 0), message, 0, param.name, param.type, warning=True)
