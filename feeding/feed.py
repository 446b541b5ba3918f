"""How a net gets its data: Input layers in the place of what fed it, and batches of values for
them.

With --data, its samples. Else what the net's own data layers read, where their sources are there.
Else samples that need no file: scikit-learn's digits for one channel, crops of its two photographs
for three.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from ..initializers.walk import Batch
from ..netlib import Net
from ..netlib.errors import DataError, NetError
from ..netlib.ranks import Ranks
from ..netlib.shapes import Shape
from ..proto.caffe_pb2 import LayerParameter, NetParameter
from .inputs import DataOptions, is_data_layer, is_missing, label_blobs, source_of, with_options
from .net_file import NetFile
from .sampling import BATCH_SIZE, input_shapes, sampled


@dataclass
class Feed:
    """A net that Input layers feed, and what to put into them, batch by batch.

    param: the net; every layer stands where it stood, under its name. describe: a line on where the
    data come from. notes: a line for each thing that the user should know. labels: the inputs that
    only losses read. statistics: mean and std of the others.
    """

    param: NetParameter
    batches: list[Batch]
    describe: str
    notes: list[str] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    statistics: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def images(self) -> int:
        """How many samples there are in all batches together."""
        return sum(len(next(iter(batch.values()))) for batch in self.batches)

    def __str__(self) -> str:
        inputs = (
            f"'{name}' has mean {its['mean']:.3g}, std {its['std']:.3g}"
            for name, its in self.statistics.items()
        )
        return f'{self.describe}; {self.images} used; {"; ".join(inputs)}'


def feed(net: NetFile, options: DataOptions, ranks: Ranks | None = None) -> Feed:
    """The net with its data, by the rules above; of several ranks each has its share. Raises
    GoodinitError."""
    layers = [layer for layer in net.param.layer if is_data_layer(layer)]
    missing = [layer for layer in layers if is_missing(layer)]
    if not layers and not any(layer.type == 'Input' for layer in net.param.layer):
        raise NetError(f'{net.path}: nothing feeds the net; needed: an Input layer or a data layer')
    if options.data or missing or not layers:
        found = _samples(net, replaced_layers(layers), options, ranks or Ranks())
        found.notes[:0] = [] if options.data else map(_no_source, missing[:1])
    else:
        found = _own_data(net, layers, options, ranks)
    found.statistics = input_statistics(found)
    found.notes += [
        f"input '{name}' is constant" for name, its in found.statistics.items() if not its['std']
    ]
    return found


def shaped(net: NetFile, options: DataOptions) -> NetParameter:
    """The net with Input layers in place of its data layers, for its shapes alone; in batches as
    the net's file says.

    Raises GoodinitError where the shapes cannot be told.
    """
    layers = [layer for layer in net.param.layer if is_data_layer(layer)]
    if layers and not any(map(is_missing, layers)):
        return with_inputs(net.param, layers, _own_shapes(net, layers, options))
    replaced = replaced_layers(layers)
    return with_inputs(
        net.param, replaced, input_shapes(net, replaced, options, options.batch_size)
    )


def replaced_layers(layers: list[LayerParameter]) -> list[LayerParameter]:
    """The data layers that samples replace: DummyData, which needs no file, only where nothing else
    is there."""
    return [layer for layer in layers if layer.type != 'DummyData'] or layers


def with_inputs(
    param: NetParameter, layers: list[LayerParameter], shapes: dict[str, Shape]
) -> NetParameter:
    """The net with Input layers in place of `layers`, and with these shapes for what Input layers
    make."""
    out = NetParameter()
    out.CopyFrom(param)
    replaced = {tuple(layer.top) for layer in layers}
    for layer in out.layer:
        if layer.type == 'Input' or tuple(layer.top) in replaced:
            plain = LayerParameter(
                name=layer.name, type='Input', top=layer.top, origin=layer.origin
            )
            for top in layer.top:
                plain.input_param.shape.add(dim=shapes[top])
            layer.CopyFrom(plain)
    return out


def fit_labels(feed: Feed, net: Net) -> None:
    """Clip the labels to the classes that the losses of the net know."""
    for bottom in net.bottoms:
        for name in feed.labels:
            memory = net.blobs[name].values.memory  # Split hands the same memory on
            if any(blob.values.memory is memory for blob in bottom[1:]) and bottom[0].axes > 1:
                for batch in feed.batches:
                    batch[name] = np.clip(batch[name], 0, bottom[0].shape[1] - 1)


def _samples(
    net: NetFile, layers: list[LayerParameter], options: DataOptions, ranks: Ranks
) -> Feed:
    shapes = input_shapes(net, layers, options, options.batch_size or BATCH_SIZE)
    found = sampled(net, layers, shapes, options)
    batches = [
        {name: values[ranks.rank :: ranks.size] for name, values in batch.items()}
        for batch in found.batches
    ]
    shapes = {name: values.shape for name, values in batches[0].items()}
    return Feed(
        with_inputs(net.param, layers, shapes),
        batches,
        found.describe,
        found.notes,
        label_blobs(net.param) & set(shapes),
    )


def _no_source(layer: LayerParameter) -> str:
    source = source_of(layer)
    what = f'its source {source} does not exist' if source else 'nobody fills its memory'
    return f"layer '{layer.name}' ({layer.type}): {what}: others stand in (goodinit init --data takes yours)"


def _own_data(
    net: NetFile, layers: list[LayerParameter], options: DataOptions, ranks: Ranks | None
) -> Feed:
    runner = _own_net(net, layers, options, ranks)
    batches: list[Batch] = []
    for _ in range(options.batches):
        runner.forward()
        batches.append({name: blob.data.copy() for name, blob in runner.blobs.items()})
    shapes = {name: values.shape for name, values in batches[0].items()}
    sources = dict.fromkeys(source_of(layer) or layer.type for layer in layers)
    return Feed(
        with_inputs(net.param, layers, shapes),
        batches,
        f"the net's own data: {', '.join(sources)}",
        labels=label_blobs(net.param) & set(shapes),
    )


def _own_shapes(
    net: NetFile, layers: list[LayerParameter], options: DataOptions
) -> dict[str, Shape]:
    return {name: blob.shape for name, blob in _own_net(net, layers, options).blobs.items()}


def _own_net(
    net: NetFile, layers: list[LayerParameter], options: DataOptions, ranks: Ranks | None = None
) -> Net:
    """The net's data layers alone, with the user's settings, and its Input layers."""
    inputs = [layer for layer in net.param.layer if layer.type == 'Input']
    labels, for_labels = label_blobs(net.param), replace(options, mean='', scale=None)
    layers = [
        with_options(layer, for_labels if layer.top[0] in labels else options) for layer in layers
    ]
    return Net(
        NetParameter(name=net.param.name, state=net.param.state, layer=[*inputs, *layers]),
        seed=options.seed,
        ranks=ranks,
    )


def input_statistics(feed: Feed) -> dict[str, dict[str, float]]:
    """Mean and standard deviation of each input but the labels. Raises DataError for values that
    are not finite."""
    found = {}
    for name in feed.batches[0]:
        values = np.concatenate([batch[name].ravel() for batch in feed.batches])
        if not np.isfinite(values).all():
            raise DataError(f"{feed.describe}: input '{name}' holds NaN or infinity")
        if name not in feed.labels:
            found[name] = {
                'mean': float(values.mean(dtype=float)),
                'std': float(values.std(dtype=float)),
            }
    return found
