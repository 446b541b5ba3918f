"""The blobs that batches fill: their names, and how their shapes are determined."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..netlib import Net
from ..netlib.data.stores import Store
from ..netlib.errors import NetError, layer_error
from ..netlib.shapes import Shape, dimensions
from ..proto.caffe_pb2 import LayerParameter, NetParameter
from .data_layers import batch_size_of, label_blobs
from .data_options import DataOptions
from .image_shape import GIVE_SHAPE, image_shape
from .net_file import NetFile
from .sequences import (
    batch_axis,
    index_limits,
    region_blobs,
    start_flags,
    time_first,
    with_batch,
)

BATCH_SIZE = 32
Found = tuple[str, Shape, LayerParameter]  # a blob, its shape, and the layer that makes it


@dataclass(frozen=True)
class NetInput:
    """A blob that batches fill.

    shape      (N, ...), or (T, N, ...) if it has time first
    layer      the layer that makes it
    is_label   whether no weight reads it
    limit      what its indices stay below, if it holds indices; else 0
    flags      whether it holds the flags of sequences
    regions    whether it holds regions of images
    """

    name: str
    shape: Shape
    layer: LayerParameter
    is_label: bool
    limit: int = 0
    flags: bool = False
    regions: bool = False
    time_first: bool = False

    @property
    def axis(self) -> int:
        """The axis of its samples."""
        return batch_axis(self.time_first)

    @property
    def images(self) -> int:
        """The number of its samples."""
        return self.shape[self.axis]

    @property
    def sample(self) -> Shape:
        """The shape of one sample."""
        return self.shape[: self.axis] + self.shape[self.axis + 1 :]


def inputs_of_net(net: Net, options: DataOptions) -> list[NetInput]:
    """The blobs of the Input layers of a net, `options.batch_size` samples each.

    `options.input_shape` replaces the shape of the first one, and of all with the same shape.
    Raises NetError if the net has no Input layer, LayerError if its weights do not fit the shape.
    """
    images = options.batch_size or BATCH_SIZE
    found = []
    for layer, tops in zip(net.layers, net.tops, strict=True):
        if layer.type == 'Input':
            for blob in tops:
                found.append((blob.name, blob.shape, layer.param))
    if not found:
        raise NetError(
            f"net '{net.name}' has no Input layer to put data into; "
            'open it with goodinit.open_net, which gives it one'
        )
    inputs = _told_apart(net.param, found, images)
    if options.input_shape:
        return _reshaped(net, inputs, tuple(options.input_shape))
    return inputs


def _told_apart(net: NetParameter, found: Sequence[Found], batch: int | None) -> list[NetInput]:
    """The inputs with what each holds, and `batch` samples each; None: as in their shapes."""
    labels = label_blobs(net)
    limits = index_limits(net)
    starts = start_flags(net)
    regions = region_blobs(net)
    flags = [shape for name, shape, _ in found if name in starts]
    inputs = []
    for name, shape, layer in found:
        time = time_first(shape, flags)
        each = NetInput(
            name=name,
            shape=with_batch(shape, time, batch) if batch else shape,
            layer=layer,
            is_label=name in labels and name not in limits,
            limit=limits.get(name, 0),
            flags=name in starts,
            regions=name in regions,
            time_first=time,
        )
        inputs.append(each)
    return inputs


def _reshaped(net: Net, inputs: list[NetInput], sample: Shape) -> list[NetInput]:
    """The inputs with samples of another shape; the net's blobs are reshaped too."""
    pictures = [each for each in inputs if not each.is_label]
    main = pictures[0].sample if pictures else ()
    out = [_fitted(each, main, sample) for each in inputs]
    for each in out:
        net.blobs[each.name].reshape(*each.shape)
    net.reshape()
    return out


def _fitted(each: NetInput, main: Shape, sample: Shape) -> NetInput:
    """The input with samples of another shape, if its samples have the shape of the `main` input or
    are one label per pixel of it."""
    images = each.shape[0]
    if each.sample == main and not each.is_label:
        return replace(each, shape=(images, *sample))
    if main and each.sample[1:] == main[1:]:
        channels = each.shape[1]
        return replace(each, shape=(images, channels, *sample[1:]))
    return each


def inputs_of_file(
    file: NetFile,
    layers: Sequence[LayerParameter],
    store: Store | None,
    options: DataOptions,
    batch_size: int | None,
) -> list[NetInput]:
    """The blobs of a net's Input layers, and of the data `layers` to be replaced.

    batch_size None: the prototxt's. Labels are (N,), or one per pixel if a layer makes only labels.
    Raises LayerError if a shape cannot be determined, NetError if no input has the shape in the
    options.
    """
    labels = label_blobs(file.param)
    found: list[Found] = []
    for layer in file.param.layer:
        if layer.type == 'Input':
            shapes = declared_shapes(layer, options.input_shape)
        elif layer in layers:
            images = batch_size or batch_size_of(layer)
            pictured = _pictured(layer, layers, labels)
            sample = image_shape(file, pictured, store, options)
            shapes = _top_shapes(layer, images, sample, only_labels=pictured is not layer)
        else:
            continue
        for top, shape in zip(layer.top, shapes, strict=True):
            found.append((top, shape, layer))
    inputs = _told_apart(file.param, found, batch_size)
    _check_input_shape(file, inputs, options.input_shape)
    return inputs


def _pictured(layer, layers, labels: set[str]) -> LayerParameter:
    """The layer with the images for a data layer: itself, or the first other layer if it makes only
    labels."""
    if layer.top[0] not in labels:
        return layer
    others = [other for other in layers if other.top[0] not in labels]
    return others[0] if others else layer


# The shape of labels that are not one number an image: an object's row.
LABELS = {'AnnotatedData': (1, 1, 1, 8)}


def _top_shapes(layer, images: int, sample: Shape, only_labels: bool) -> list[Shape]:
    """The shape of each top of a data layer."""
    pixels = (images, 1, *sample[1:])
    first = pixels if only_labels else (images, *sample)
    label: Shape = LABELS.get(layer.type, (images,))
    if layer.type == 'DenseImageData':
        label = pixels
    return [first] + [label] * (len(layer.top) - 1)


def _check_input_shape(file: NetFile, inputs: Sequence[NetInput], given: Shape | None) -> None:
    samples = [each.sample for each in inputs]
    if given and given not in samples:
        shapes = ', '.join(map(dimensions, samples))
        raise NetError(
            f'{file.path}: input_shape: found {dimensions(given)}; the inputs of the net, '
            f'without their batches, are {shapes}'
        )


def declared_shapes(layer: LayerParameter, given: Shape | None) -> list[Shape]:
    """The shapes of an Input layer's tops. `given`, if it fits, replaces all axes of the first
    shape but the first."""
    tops = len(layer.top)
    shapes = [tuple(shape.dim) for shape in layer.input_param.shape]
    if given and not shapes:
        shapes = [(1, *given)]
    elif given and len(shapes[0]) == 1 + len(given):
        images = shapes[0][0]
        shapes[0] = (images, *given)
    if len(shapes) == 1:
        shapes *= tops
    if len(shapes) != tops:
        raise layer_error(layer, f'found {len(shapes)} shapes for {tops} tops: {GIVE_SHAPE}')
    return shapes


def check_learns(inputs: Sequence[NetInput], name: str) -> None:
    """Raises NetError if the net called `name` takes only labels."""
    if all(each.is_label for each in inputs):
        raise NetError(f'{name}: no input of the net reaches a layer that learns')
