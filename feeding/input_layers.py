"""A net with Input layers instead of its data layers."""

from collections.abc import Mapping

from ..netlib.shapes import Shape
from ..proto.caffe_pb2 import TEST, LayerParameter, NetParameter
from .data_layers import is_data_layer


def with_inputs(
    param: NetParameter, shapes: Mapping[str, Shape], keep_transforms: bool = False
) -> NetParameter:
    """The net with an Input layer instead of each layer that provides the blobs of `shapes`.

    Every layer keeps its place and name. With `keep_transforms`, its transform_param still says how
    to transform its data, although an Input layer does not do so.
    """
    out = NetParameter()
    out.CopyFrom(param)
    for layer in out.layer:
        brings_data = layer.type == 'Input' or is_data_layer(layer)
        if brings_data and any(top in shapes for top in layer.top):
            plain = LayerParameter(name=layer.name, type='Input', top=layer.top)
            plain.origin = layer.origin
            for top in layer.top:
                plain.input_param.shape.add(dim=shapes[top])
            if keep_transforms and layer.HasField('transform_param'):
                plain.transform_param.CopyFrom(layer.transform_param)
            layer.CopyFrom(plain)
    return out


def with_batch_statistics(param: NetParameter) -> NetParameter:
    """The net with BatchNorm normalizing by the batch: untrained nets have no other statistics."""
    out = NetParameter()
    out.CopyFrom(param)
    for layer in out.layer:
        if layer.type == 'BatchNorm' and param.state.phase == TEST:
            layer.batch_norm_param.use_global_stats = False
        elif layer.batch_norm_param.use_global_stats:
            layer.batch_norm_param.ClearField('use_global_stats')
    return out
