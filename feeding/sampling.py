"""Values for the inputs of a net: samples for its images, their labels, noise for anything else."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..initializers.walk import Batch
from ..netlib.data.embedded import open_embedded
from ..netlib.data.samples import Samples
from ..netlib.data.sources import open_source
from ..netlib.data.transform import dimensions
from ..netlib.errors import NetError, layer_error
from ..netlib.shapes import Shape
from ..proto.caffe_pb2 import LayerParameter
from .inputs import DataOptions, batch_size_of, input_shape, label_blobs, mean_of, scale_of
from .net_file import NetFile

BATCH_SIZE = 32
GREY = '127.5'  # stands in for a mean file that is as missing as the database


@dataclass
class Sampled:
    """Batches of values for the inputs, a line on where they come from, and notes."""

    batches: list[Batch] = field(default_factory=list)
    describe: str = ''
    notes: list[str] = field(default_factory=list)


def input_shapes(
    net: NetFile, layers: list[LayerParameter], options: DataOptions, batch: int | None
) -> dict[str, Shape]:
    """The shape of each top of the net's Input layers and of the data layers to be replaced,
    `batch` samples each.

    batch None: as many as the net's file says. Labels are (batch,), or one per pixel where a layer
    brings nothing but labels. Raises LayerError.
    """
    labels = label_blobs(net.param)
    replaced = {tuple(layer.top) for layer in layers}
    pictured = [layer for layer in layers if layer.top[0] not in labels] or layers
    shapes: dict[str, Shape] = {}
    for layer in net.param.layer:
        if layer.type == 'Input':
            shapes.update(_declared(layer, batch, options))
        elif tuple(layer.top) in replaced:
            only_labels = layer not in pictured
            shape = input_shape(net, pictured[0] if only_labels else layer, options)
            images = batch or batch_size_of(layer)
            shapes[layer.top[0]] = (images, 1, *shape[1:]) if only_labels else (images, *shape)
            per_pixel = layer.type == 'DenseImageData'
            shapes.update(
                dict.fromkeys(layer.top[1:], (images, 1, *shape[1:]) if per_pixel else (images,))
            )
    if options.input_shape and options.input_shape not in [shape[1:] for shape in shapes.values()]:
        given = ', '.join(dimensions(shape[1:]) for shape in shapes.values())
        raise NetError(
            f'{net.path}: --input-shape: found {dimensions(options.input_shape)}; the inputs of the net, '
            f'without their batches, are {given}'
        )
    return shapes


def _declared(layer: LayerParameter, batch: int | None, options: DataOptions) -> dict[str, Shape]:
    """What an Input layer says itself, with the batch in its first axis."""
    given = [tuple(shape.dim) for shape in layer.input_param.shape]
    if options.input_shape and (not given or len(given[0]) == 1 + len(options.input_shape)):
        given[:1] = [(given[0][0] if given else 1, *options.input_shape)]
    if len(given) not in (1, len(layer.top)):
        raise layer_error(
            layer, f'found {len(given)} shapes for {len(layer.top)} tops: give --input-shape C,H,W'
        )
    each = given * len(layer.top) if len(given) == 1 else given
    return {
        top: (batch or shape[0], *shape[1:]) for top, shape in zip(layer.top, each, strict=True)
    }


def sampled(
    net: NetFile, layers: list[LayerParameter], shapes: dict[str, Shape], options: DataOptions
) -> Sampled:
    """Values for inputs of these shapes: --data, or without it the embedded samples. Raises
    GoodinitError.

    Inputs of another shape than the first get Gaussian noise, labels those of the samples, or
    zeros.
    """
    labels = label_blobs(net.param)
    pictures = [name for name in shapes if name not in labels]
    if not pictures:
        raise NetError(f'{net.path}: no input of the net reaches a layer that learns')
    main = shapes[pictures[0]]
    makers = {
        top: layer
        for layer in net.param.layer
        for top in layer.top
        if layer.type == 'Input' or layer in layers
    }
    out, columns, found = Sampled(), {}, None
    for index, name in enumerate(pictures):
        rng = np.random.default_rng([options.seed, index])
        if shapes[name][1:] == main[1:]:
            samples = _open(main[1:], makers[name], options, rng, out)
            columns[name], found = samples.take(main[0] * options.batches)
            _report(samples, makers[name], options, out)
        else:
            columns[name] = rng.standard_normal(
                (main[0] * options.batches, *shapes[name][1:]), np.float32
            )
            out.notes.append(
                f"input '{name}' has another shape than '{pictures[0]}': Gaussian noise stands in"
            )
    images = min(map(len, columns.values()))
    for name in labels & set(shapes):
        columns[name] = _labels(found, (images, *shapes[name][1:]))
    out.batches = _cut({name: columns[name] for name in shapes}, images, main[0], options, out)
    return out


def _open(shape: Shape, layer: LayerParameter, options: DataOptions, rng, out: Sampled) -> Samples:
    mean, scale = mean_of(layer, options), scale_of(layer, options)
    if options.data:
        return open_source(options.data, shape, rng, mean=mean, scale=scale, crop=options.crop)
    if mean == layer.transform_param.mean_file != '' and not Path(mean).exists():
        out.notes.append(
            f"layer '{layer.name}' ({layer.type}): its mean_file {mean} does not exist: {GREY} stands in"
        )
        mean = GREY
    return open_embedded(shape, rng, mean=mean, scale=scale)


def _report(samples: Samples, layer: LayerParameter, options: DataOptions, out: Sampled) -> None:
    """Say once where the samples come from, and what could not be read."""
    if out.describe:
        return
    mean, scale = mean_of(layer, options), scale_of(layer, options)
    if isinstance(mean, list):
        mean = ', '.join(f'{value:g}' for value in mean)
    steps = ([f'minus {mean}'] if mean else []) + ([f'times {scale:.6g}'] if scale != 1 else [])
    out.describe = ', '.join([samples.describe, *steps])
    if samples.skipped:
        name, reason = samples.skipped[0]
        out.notes.append(
            f'{len(samples.skipped)} of {len(samples)} images are left out; the first: {name}: {reason}'
        )


def _labels(found: np.ndarray | None, shape: Shape) -> np.ndarray:
    """The samples' labels where they are wanted one per sample, else zeros."""
    zeros = np.zeros(shape, np.float32)
    if found is not None and shape == (len(found),):
        zeros[:] = found
    return zeros


def _cut(columns: Batch, images: int, size: int, options: DataOptions, out: Sampled) -> list[Batch]:
    """The columns in batches of `size`; of all there is, where that is less."""
    wanted, size = size * options.batches, min(size, images)
    if images < wanted:
        out.notes.append(f'only {images} of the {wanted} samples asked for are there')
    return [
        {name: values[start : start + size] for name, values in columns.items()}
        for start in range(0, images - size + 1, size)
    ]
