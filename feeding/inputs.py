"""What feeds a net, told from its prototxt: which layers, of which shape, with which mean and
scale."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..netlib.data.classic import CIFAR_SHAPE
from ..netlib.data.sources import Images, is_cifar10, open_source
from ..netlib.errors import layer_error
from ..netlib.layers import Layer
from ..netlib.registry import layer_class
from ..netlib.shapes import Shape
from ..proto import ProtoError, read_net
from ..proto.caffe_pb2 import LayerParameter, NetParameter
from .net_file import NetFile

RECURRENT = ('LSTM', 'RNN')  # their second bottom says where sequences go on


@dataclass(frozen=True)
class DataOptions:
    """What the user says about the data; None and '' leave it to the prototxt.

    data: what goodinit.netlib.data.sources opens. mean: a number, one per channel, or a file. crop:
    pixels cut from the centre of each image. batch_size images at a time, `batches` times.
    input_shape: (C, H, W).
    """

    data: str = ''
    mean: str = ''
    scale: float | None = None
    crop: int | None = None
    batch_size: int | None = None
    batches: int = 1
    input_shape: Shape | None = None
    seed: int = 0


def is_data_layer(layer: LayerParameter) -> bool:
    """Whether the layer brings data into the net by itself. Raises LayerError for an unknown type."""
    known: type[Layer] = layer_class(layer)
    return known.is_data or (layer.type == 'Python' and not layer.bottom)


def source_of(layer: LayerParameter) -> str | None:
    """The file or database that a data layer reads; None where it needs none."""
    for _, value in layer.ListFields():
        if _has(value, 'source'):
            return value.source
    return None


def batch_size_of(layer: LayerParameter) -> int:
    """The batch size that a data layer says; 1 where it says none."""
    return (
        next((value.batch_size for _, value in layer.ListFields() if _has(value, 'batch_size')), 1)
        or 1
    )


def is_missing(layer: LayerParameter) -> bool:
    """Whether a data layer has nothing to read: its source is not there, or somebody has to fill
    its memory."""
    source = source_of(layer)
    return layer.type == 'MemoryData' or (source is not None and not Path(source).exists())


def label_blobs(net: NetParameter) -> set[str]:
    """The blobs that only say what a loss compares with, and never reach a weight: labels, and
    indices and flags."""
    readers: dict[str, list[bool]] = {}
    for layer in net.layer:
        known: type[Layer] = layer_class(layer)
        for index, blob in enumerate(layer.bottom):
            compares = index > 0 and (known.is_loss or layer.type == 'Accuracy')
            compares |= index == 1 and layer.type in RECURRENT
            readers.setdefault(blob, []).append(compares or layer.type in ('Silence', 'Embed'))
    tops = {top for layer in net.layer for top in layer.top}
    return {blob for blob in tops if all(readers.get(blob, []))}


def input_shape(net: NetFile, layer: LayerParameter, options: DataOptions) -> Shape:
    """The shape (C, H, W) of the images that take the place of a data layer's.

    --input-shape says it. Else H and W are told by --crop, the layer's crop_size, its new_height
    and new_width, the Input of the deploy.prototxt beside the net, or the data itself; C by the
    layer's mean_values where there are several, the deploy.prototxt, or the data. Raises LayerError
    where they do not tell.
    """
    if options.input_shape:
        return options.input_shape
    data = sample_shape(options.data)
    if data and len(data) != 3:
        return data
    deploy = deploy_shape(net.path)
    image, transform = resized(layer), layer.transform_param
    square = options.crop or transform.crop_size
    told = (
        (square, square),
        (image.new_height, image.new_width),
        deploy and deploy[1:],
        data and data[1:],
    )
    size = next((extents for extents in told if extents and all(extents)), None)
    means = transform.mean_value
    channels = len(means) if len(means) > 1 else deploy[0] if deploy else data[0] if data else None
    if not size or not channels:
        what = 'channels' if size else 'height and width'
        raise layer_error(
            layer,
            f"top '{layer.top[0]}': its {what} cannot be told from the prototxt, a "
            'deploy.prototxt beside it or the data: give --input-shape C,H,W',
        )
    return (channels, *size)


def resized(layer: LayerParameter):
    """The fields among which a data layer's new_height and new_width are."""
    return (
        layer.dense_image_data_param if layer.type == 'DenseImageData' else layer.image_data_param
    )


def sample_shape(data: str) -> Shape | None:
    """The shape of the samples at `data`; (3, 0, 0) of image files, which differ; None without
    data."""
    if not data:
        return None
    if is_cifar10(data):  # the same for all, and it can take seconds to unpack them
        return CIFAR_SHAPE
    store = open_source(data, (3, 1, 1), np.random.default_rng(0)).store
    return (3, 0, 0) if isinstance(store, Images) else store[0][0].shape


def deploy_shape(path: Path) -> Shape | None:
    """The shape (C, H, W) of the first image input of the deploy prototxt beside a train_val one,
    if there is one.

    Beside x_train_val.prototxt (or x_train_test) that is x_deploy.prototxt, x.prototxt or
    deploy.prototxt.
    """
    training = 'train_val|train_test'
    for name in (
        re.sub(training, 'deploy', path.name),
        re.sub(f'_({training})', '', path.name),
        'deploy.prototxt',
    ):
        beside = path.with_name(name)
        if beside != path and beside.is_file():
            try:
                shapes = [
                    shape.dim
                    for layer in read_net(beside).layer
                    for shape in layer.input_param.shape
                ]
            except ProtoError:
                continue
            return next((tuple(dims[1:]) for dims in shapes if len(dims) == 4), None)
    return None


def mean_of(layer: LayerParameter, options: DataOptions) -> str | Sequence[float] | None:
    """What to subtract: --mean, or what the layer's transform_param says."""
    transform = layer.transform_param
    return options.mean or transform.mean_file or list(transform.mean_value) or None


def scale_of(layer: LayerParameter, options: DataOptions) -> float:
    """What to multiply by: --scale, or what the layer's transform_param says."""
    return layer.transform_param.scale if options.scale is None else options.scale


def with_options(layer: LayerParameter, options: DataOptions) -> LayerParameter:
    """The data layer with the user's mean, scale, crop and batch size in place of its own. Raises
    LayerError."""
    out = LayerParameter()
    out.CopyFrom(layer)
    transform = out.transform_param
    if options.mean:
        transform.ClearField('mean_value')
        transform.ClearField('mean_file')
        try:
            transform.mean_value.extend(float(value) for value in options.mean.split(','))
        except ValueError:
            transform.mean_file = options.mean
    if options.scale is not None:
        transform.scale = options.scale
    if options.crop:
        transform.crop_size = options.crop
    for field, value in layer.ListFields():
        if options.batch_size and _has(value, 'batch_size'):
            getattr(out, field.name).batch_size = options.batch_size
    return out


def _has(message, field: str) -> bool:
    """Whether a field's value is a message with a field of that name."""
    return hasattr(message, 'DESCRIPTOR') and field in message.DESCRIPTOR.fields_by_name
