"""The data that a net's own data layers read."""

from collections.abc import Sequence

from ..initializers.walk import Batch
from ..netlib import Net
from ..netlib.ranks import Ranks
from ..netlib.shapes import Shape
from ..proto.caffe_pb2 import LayerParameter, NetParameter
from .data_layers import label_blobs, source_of
from .data_options import DataOptions
from .feed import Feed
from .net_file import NetFile
from .transform import Transform, channel_means


def own_data(
    file: NetFile, layers: Sequence[LayerParameter], options: DataOptions, ranks: Ranks | None
) -> Feed:
    """The batches that the data `layers` of a net read, with the user's options instead of their
    own settings; a rank's share of them. Raises GoodinitError."""
    net = _data_layers_alone(file, layers, options, ranks)
    batches: list[Batch] = []
    for _ in range(options.batches):
        net.forward()
        batches.append({name: blob.data.copy() for name, blob in net.blobs.items()})
    sources = dict.fromkeys(source_of(layer) or layer.type for layer in layers)
    describe = f"the net's own data: {', '.join(sources)}"
    labels = label_blobs(file.param).intersection(net.blobs)
    transforms = _transforms(layers, options)
    return Feed(batches, describe, labels=labels, transforms=transforms)


def _transforms(layers: Sequence[LayerParameter], options: DataOptions) -> dict[str, Transform]:
    """The transformation of the first blob of each layer; only a transform_param can change it."""
    transforms = {}
    for layer in layers:
        mean = channel_means(options.mean_of(layer))
        scale = options.scale_of(layer)
        transforms[layer.top[0]] = Transform(mean, scale, layer, options=False)
    return transforms


def own_shapes(
    file: NetFile, layers: Sequence[LayerParameter], options: DataOptions
) -> dict[str, Shape]:
    """The shape of each blob that the data layers make."""
    net = _data_layers_alone(file, layers, options)
    return {name: blob.shape for name, blob in net.blobs.items()}


def _data_layers_alone(
    file: NetFile,
    layers: Sequence[LayerParameter],
    options: DataOptions,
    ranks: Ranks | None = None,
) -> Net:
    """A net with only the data layers and the Input layers of a net."""
    labels = label_blobs(file.param)
    kept = [layer for layer in file.param.layer if layer.type == 'Input']
    for layer in layers:
        own = options.for_labels() if layer.top[0] in labels else options
        kept.append(own.written_into(layer))
    param = NetParameter(name=file.param.name, state=file.param.state, layer=kept)
    return Net(param, seed=options.seed, ranks=ranks)
