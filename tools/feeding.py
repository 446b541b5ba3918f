"""How a net gets its data: Input layers in the place of what fed it, and batches of values for them.

With --data, its samples. Else what the net's own data layers read, where their sources are there. Else samples that need
no file: scikit-learn's digits for one channel, crops of its two photographs for three.
"""
from dataclasses import dataclass, field

import numpy as np

from ..netlib import Net, graph
from ..netlib.data.embedded import open_embedded
from ..netlib.data.samples import Samples
from ..netlib.data.sources import open_source
from ..netlib.data.transform import dimensions
from ..netlib.errors import DataError, NetError, layer_error
from ..netlib.shapes import Shape
from ..proto import array_to_blob
from ..proto.caffe_pb2 import LayerParameter, NetParameter
from .inputs import (
    DataOptions,
    input_shape,
    is_data_layer,
    is_missing,
    label_blobs,
    mean_of,
    scale_of,
    source_of,
    with_options,
)
from .nets import NetFile

Batch = dict[str, np.ndarray]
BATCH_SIZE = 32
GREY = '127.5'          # stands in for a mean file that is as missing as the data


@dataclass
class Feed:
    """A net that Input layers feed, and what to put into them, batch by batch.

    param: the net; every layer stands where it stood, with its name. describe: half a line on where the data come from.
    notes: a line for each thing that the user should know.
    """
    param: NetParameter
    batches: list[Batch]
    describe: str
    notes: list[str] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)

    @property
    def images(self) -> int:
        """How many samples there are in all batches."""
        return sum(max((len(values) for values in batch.values()), default=0) for batch in self.batches)

    def fit_labels(self, net: Net) -> None:
        """Clip the labels to the classes that the losses of the net know."""
        for bottom in net.bottoms:
            for blob in bottom[1:]:
                name = next((label for label in self.labels if blob.name.startswith(label)), None)
                if name and bottom[0].axes > 1:
                    for batch in self.batches:
                        np.clip(batch[name], 0, bottom[0].shape[1] - 1, out=batch[name])


def feed(net: NetFile, options: DataOptions) -> Feed:
    """The net with its data, by the rules above. Raises GoodinitError."""
    layers = [layer for layer in net.param.layer if is_data_layer(layer)]
    missing = [layer for layer in layers if is_missing(layer)]
    if layers and not missing and not options.data:
        return _own_data(net, layers, options)
    # DummyData needs no file: it stays where another layer brings the images.
    replaced = [layer for layer in layers if layer.type != 'DummyData'] or layers
    notes = [] if options.data else [_no_source(layer) for layer in missing[:1]]
    if not layers and not any(layer.type == 'Input' for layer in net.param.layer):
        raise NetError(f'{net.path}: no layer feeds the net; needed: an Input layer or a data layer')
    shapes = input_shapes(net, replaced, options)
    return _given_data(net, replaced, shapes, options, notes)


def _no_source(layer: LayerParameter) -> str:
    source = source_of(layer)
    there = f'its source {source} does not exist' if source else 'nobody fills its memory'
    return f"layer '{layer.name}' ({layer.type}): {there}: samples that come with goodinit stand in (or give --data)"


# -- the net's own data layers ------------------------------------------------------------------------


def _own_data(net: NetFile, layers: list[LayerParameter], options: DataOptions) -> Feed:
    layers = [with_options(layer, options) for layer in layers]
    only = NetParameter(name=net.param.name, state=net.param.state, layer=layers)
    runner = Net(only, seed=options.seed)
    batches = []
    for _ in range(options.batches):
        runner.forward()
        batches.append({name: blob.data.copy() for name, blob in runner.blobs.items()})
    shapes = {name: values.shape for name, values in batches[0].items()}
    sources = dict.fromkeys(source_of(layer) or layer.type for layer in layers)
    describe = f"the net's own data: {', '.join(sources)}"
    return Feed(with_inputs(net.param, layers, shapes), batches, describe, labels=label_blobs(net.param) & set(shapes))


def with_inputs(param: NetParameter, layers: list[LayerParameter], shapes: dict[str, Shape]) -> NetParameter:
    """The net with Input layers in place of `layers`, and all its Input layers of the given shapes."""
    out = NetParameter()
    out.CopyFrom(param)
    names = {tuple(layer.top) for layer in layers}
    for layer in out.layer:
        if layer.type == 'Input' or tuple(layer.top) in names:
            tops = list(layer.top)
            layer.CopyFrom(LayerParameter(name=layer.name, type='Input', top=tops, origin=layer.origin,
                                          include=layer.include, exclude=layer.exclude))
            for top in tops:
                layer.input_param.shape.add(dim=shapes[top])
    return out


# -- samples in the place of data layers, and for Input layers ----------------------------------------


def input_shapes(net: NetFile, replaced: list[LayerParameter], options: DataOptions) -> dict[str, Shape]:
    """The shape, batch included, of every blob that the Input layers of the run make, in the order of the layers."""
    labels = label_blobs(net.param)
    images = options.batch_size or BATCH_SIZE
    names = {tuple(layer.top) for layer in replaced}
    shapes: dict[str, Shape] = {}
    pictured = [layer for layer in replaced if layer.top[0] not in labels]
    for layer in net.param.layer:
        if layer.type == 'Input':
            shapes.update(_declared(layer, images, options))
        elif tuple(layer.top) in names:
            shape = input_shape(net, layer if layer in pictured or not pictured else pictured[0], options)
            # A database of labels alone, as for segmentation, has one label per pixel.
            shapes[layer.top[0]] = (images, *(shape if layer in pictured else (1, *shape[1:])))
            shapes.update({top: (images,) for top in layer.top[1:]})
    return shapes


def _declared(layer: LayerParameter, images: int, options: DataOptions) -> dict[str, Shape]:
    given = [tuple(shape.dim) for shape in layer.input_param.shape]
    if not given and options.input_shape:
        given = [(images, *options.input_shape)]
    if len(given) not in (1, len(layer.top)):
        raise layer_error(layer, 'its shape is not told: give --input-shape C,H,W')
    given = given if len(given) == len(layer.top) else given * len(layer.top)
    return {top: (images, *shape[1:]) for top, shape in zip(layer.top, given, strict=True)}


def _given_data(net: NetFile, replaced: list[LayerParameter], shapes: dict[str, Shape], options: DataOptions,
                notes: list[str]) -> Feed:
    labels = label_blobs(net.param) & set(shapes)
    pictures = [name for name in shapes if name not in labels]
    if not pictures:
        raise NetError(f'{net.path}: no input of the net reaches a layer with weights')
    main = shapes[pictures[0]][1:]
    makers = {top: layer for layer in net.param.layer for top in layer.top if layer.type == 'Input' or layer in replaced}
    columns: Batch = {}
    for index, name in enumerate(pictures):
        rng = np.random.default_rng([options.seed, index])
        if shapes[name][1:] != main:
            columns[name] = rng.standard_normal((options.batches * shapes[name][0], *shapes[name][1:]), np.float32)
            notes.append(f"input '{name}' is not of the shape of '{pictures[0]}': Gaussian noise stands in")
            continue
        samples = _open(main, makers[name], options, rng, notes)
        columns[name], found = samples.take(options.batches * shapes[name][0])
        notes += _skipped(samples)
        describe = samples.describe if index == 0 else describe
    ...
