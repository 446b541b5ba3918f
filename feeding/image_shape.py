"""The shape of the images that replace those of a data layer: the one place that determines it."""

import re

from ..netlib.data.stores import Images, Store
from ..netlib.errors import layer_error
from ..netlib.shapes import Shape
from ..proto import ProtoError, read_net
from ..proto.caffe_pb2 import LayerParameter, NetParameter, ResizeParameter
from .data_layers import resizing_of
from .data_options import DataOptions
from .net_file import NetFile

TRAINING = 'train_val|train_test'  # in the names of files that come with a deploy file
GIVE_SHAPE = 'give input_shape=(C, H, W)'


def image_shape(
    file: NetFile, layer: LayerParameter, store: Store | None, options: DataOptions
) -> Shape:
    """The shape (C, H, W) of the images that replace those of a data layer in the net of a file.

    The options may give it. Otherwise, H and W come from the first of these: the options' crop, the
    layer's crop_size or crop_h and crop_w, its new_height and new_width or resize_param, the
    deploy.prototxt next to the net, the data. C is the number of mean_values if there are several,
    and 1 if is_color is false; otherwise it comes from the deploy.prototxt or the data, or from
    is_color, force_color or force_gray. Raises LayerError if none of them determines the shape.
    """
    if options.input_shape:
        return options.input_shape
    item = item_shape(store)
    if item and len(item) != 3:
        return item
    known = [shape for shape in (deploy_shape(file), item) if shape]
    size = _height_and_width(layer, options.crop, known)
    channels = _channels(layer, known)
    if size and channels:
        return (channels, *size)
    what = 'channels' if size else 'height and width'
    raise layer_error(
        layer,
        f"top '{layer.top[0]}': its {what} cannot be determined from the prototxt, "
        f'a deploy.prototxt next to it or the data: {GIVE_SHAPE}',
    )


def _height_and_width(layer, crop: int | None, known: list[Shape]) -> Shape | None:
    square = crop or layer.transform_param.crop_size
    resizing, transform = resizing_of(layer), layer.transform_param
    candidates: list[Shape] = [
        (square, square),
        (transform.crop_h, transform.crop_w),
        (resizing.new_height, resizing.new_width),
    ]
    if transform.resize_param.resize_mode != ResizeParameter.FIT_SMALL_SIZE:
        candidates.append((transform.resize_param.height, transform.resize_param.width))
    candidates += [shape[1:] for shape in known]
    for extents in candidates:
        if all(extents):
            return extents
    return None


def _channels(layer, known: list[Shape]) -> int | None:
    transform = layer.transform_param
    if len(transform.mean_value) > 1:
        return len(transform.mean_value)
    is_list = layer.type == 'ImageData'
    if is_list and not layer.image_data_param.is_color:
        return 1
    if known:
        return known[0][0]
    if is_list:
        return 3
    if transform.force_color or transform.force_gray:
        return 3 if transform.force_color else 1
    return None


def item_shape(store: Store | None) -> Shape | None:
    """The shape of the items of a store; (3, 0, 0) for image files, whose sizes differ."""
    if isinstance(store, Images):
        return (3, 0, 0)
    if not store:
        return None
    item, _ = store[0]
    return item.shape


def deploy_shape(file: NetFile) -> Shape | None:
    """The shape (C, H, W) of the first image input in the deploy prototxt that belongs to a
    train_val prototxt, if there is one.

    For x_train_val.prototxt (or x_train_test), that is x_deploy.prototxt, x.prototxt or
    deploy.prototxt in the same folder, unless it is of another net.
    """
    path = file.path
    names = (
        re.sub(TRAINING, 'deploy', path.name),
        re.sub(f'_({TRAINING})', '', path.name),
        'deploy.prototxt',
    )
    for name in names:
        beside = path.with_name(name)
        if beside != path and beside.is_file():
            try:
                deploy = read_net(beside)
            except ProtoError:
                continue
            if is_same_net(deploy, file.param):
                return _first_image_shape(deploy)
    return None


def is_same_net(deploy: NetParameter, net: NetParameter) -> bool:
    """Whether at least half of the layers of a deploy prototxt, its inputs aside, are in the net,
    by name and type."""
    layers = [(layer.name, layer.type) for layer in deploy.layer if layer.bottom]
    ours = {(layer.name, layer.type) for layer in net.layer}
    return 2 * sum(layer in ours for layer in layers) >= len(layers)


def _first_image_shape(deploy: NetParameter) -> Shape | None:
    for layer in deploy.layer:
        for shape in layer.input_param.shape:
            if len(shape.dim) == 4:
                return tuple(shape.dim[1:])
    return None
