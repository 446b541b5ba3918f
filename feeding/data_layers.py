"""Facts about a prototxt's data layers: their sources, their batch sizes, which tops are labels."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..netlib.engines import make_engine
from ..netlib.errors import GoodinitError
from ..netlib.layers import Layer
from ..netlib.layers.host.python import Python
from ..netlib.registry import layer_class
from ..netlib.shapes import Shape
from ..proto.caffe_pb2 import LayerParameter, NetParameter


def data_layers(param: NetParameter) -> list[LayerParameter]:
    """The layers of a net that provide their own data; Input does not."""
    return [layer for layer in param.layer if is_data_layer(layer)]


def is_data_layer(layer: LayerParameter) -> bool:
    """Whether the layer provides its own data. Raises LayerError for an unknown type."""
    known: type[Layer] = layer_class(layer)
    makes_only = bool(layer.top) and not layer.bottom
    return known.is_data or (layer.type == 'Python' and makes_only)


def title(layer: LayerParameter) -> str:
    """The name of a layer in notes: "layer 'mnist' (Data)"."""
    return f"layer '{layer.name}' ({layer.type})"


def replaceable(layers: Sequence[LayerParameter]) -> list[LayerParameter]:
    """The data layers that samples may replace. DummyData needs no file, so it stays unless there
    is no other data layer."""
    reading = [layer for layer in layers if layer.type != 'DummyData']
    return reading or list(layers)


def source_of(layer: LayerParameter) -> str | None:
    """The file or database that a data layer reads; None if it needs none."""
    for value in _fields_with(layer, 'source'):
        return value.source
    return None


def batch_size_of(layer: LayerParameter) -> int:
    """The batch size of a data layer; 1 if it has none."""
    for value in _fields_with(layer, 'batch_size'):
        return value.batch_size or 1
    return 1


def set_batch_size(layer: LayerParameter, size: int) -> None:
    """Change the batch size of a data layer, if it has one."""
    for value in _fields_with(layer, 'batch_size'):
        value.batch_size = size


def is_missing(layer: LayerParameter) -> bool:
    """Whether a data layer has no data: its source does not exist, or it expects a program to fill
    its memory."""
    source = source_of(layer)
    return layer.type == 'MemoryData' or (source is not None and not Path(source).exists())


def shapes_without_data(layer: LayerParameter) -> dict[str, Shape]:
    """The shape of each top of a Python layer that can tell them without its data; else none."""
    kind = layer_class(layer)
    if not issubclass(kind, Python):
        return {}
    try:
        shapes = kind(layer, make_engine('reference')).shapes_without_data()
    except GoodinitError:
        return {}
    return dict(zip(layer.top, shapes, strict=False))


def resizing_of(layer: LayerParameter) -> Any:
    """The message that contains a data layer's new_height and new_width."""
    if layer.type == 'DenseImageData':
        return layer.dense_image_data_param
    return layer.image_data_param


def label_blobs(net: NetParameter) -> set[str]:
    """The blobs that never reach a weight: a loss's labels, indices, flags."""
    made: set[str] = set()
    used: set[str] = set()
    for layer in net.layer:
        made.update(layer.top)
        for index, blob in enumerate(layer.bottom):
            if not _only_compares(layer, index):
                used.add(blob)
    return made - used


def _only_compares(layer: LayerParameter, index: int) -> bool:
    """Whether a layer neither applies weights to its bottom with this index nor passes it on."""
    known: type[Layer] = layer_class(layer)
    is_target = known.is_loss and index > 0
    return is_target or index in known.traits.indices or layer.type == 'Silence'


def _fields_with(layer: LayerParameter, name: str) -> Iterator[Any]:
    """The messages in a layer's fields that have a field with this name."""
    for _, value in layer.ListFields():
        if hasattr(value, 'DESCRIPTOR') and name in value.DESCRIPTOR.fields_by_name:
            yield value
