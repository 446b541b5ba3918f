"""A net in its shapes, with Input layers instead of its data layers, before it has any data."""

from collections.abc import Sequence

from ..netlib.errors import DataError
from ..netlib.shapes import Shape
from ..proto.caffe_pb2 import LayerParameter, NetParameter
from .data_layers import data_layers, is_missing, replaceable, shapes_without_data
from .data_options import DataOptions
from .input_layers import with_inputs
from .net_file import NetFile
from .net_inputs import inputs_of_file
from .own_data import own_shapes


def shaped(file: NetFile, options: DataOptions) -> NetParameter:
    """The net of a file with Input layers instead of its data layers, just for its shapes. Batch
    sizes are those in the file. A data layer in Python is run only if `options` give no shape.

    Raises GoodinitError if the shapes cannot be determined.
    """
    layers = data_layers(file.param)
    absent = any(is_missing(layer) for layer in layers)
    if options.input_shape and any(layer.type == 'Python' for layer in layers):
        absent = True
    if layers and not absent:
        shapes = own_or_told_shapes(file, layers, options)
    else:
        inputs = inputs_of_file(file, replaceable(layers), None, options, options.batch_size)
        shapes = {each.name: each.shape for each in inputs}
    return with_inputs(file.param, shapes, keep_transforms=True)


def own_or_told_shapes(
    file: NetFile, layers: Sequence[LayerParameter], options: DataOptions
) -> dict[str, Shape]:
    """The shape of each blob that the data layers make, or would make: some can tell that without
    their data. Raises GoodinitError if they cannot be determined."""
    try:
        return own_shapes(file, layers, options)
    except DataError:
        told: dict[str, Shape] = {}
        for layer in layers:
            told |= shapes_without_data(layer)
        if {top for layer in layers for top in layer.top} != set(told):
            raise
        return told
