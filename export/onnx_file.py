"""An ONNX graph on its way to a file; weights go from where they are to the disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import IO

import numpy as np

from ..netlib.errors import NetError, import_extra
from ..proto import wire
from ..proto.version import __version__
from .batch import extent_name
from .onnx_graph import OnnxGraph
from .steps import Steps, Value

MOST = 2**31 - 1  # bytes of a protobuf message
# Fields of ModelProto, GraphProto and TensorProto, which stand in onnx.proto.
GRAPH, INITIALIZER, RAW_DATA = 7, 5, 9


def write(file: IO[bytes], graph: OnnxGraph, net: Steps, metadata: Mapping[str, str]) -> None:
    """Write the model: the graph of `net` with its inputs and outputs. Raises NetError where it
    passes the 2 GB of a protobuf message, GoodinitError without the package onnx."""
    model = _model(graph, net, metadata)
    body = model.graph.SerializeToString()
    model.ClearField('graph')
    tensors = [_tensor_header(name, array) for name, array in graph.initializers.items()]
    length = len(body)
    for header, array in zip(tensors, graph.initializers.values(), strict=True):
        inner = len(header) + array.nbytes
        length += len(wire.header(INITIALIZER, inner)) + inner
    if length > MOST:
        raise NetError(f'the weights take {length / 2**30:.1f} GB; an ONNX file holds at most 2')
    file.write(model.SerializeToString())
    file.write(wire.header(GRAPH, length))
    file.write(body)
    for header, array in zip(tensors, graph.initializers.values(), strict=True):
        file.write(wire.header(INITIALIZER, len(header) + array.nbytes))
        file.write(header)
        file.write(np.ascontiguousarray(array).data)


def _tensor_header(name: str, array: np.ndarray) -> bytes:
    """A TensorProto up to its data."""
    onnx = import_extra('onnx', 'export')
    kind = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
    tensor = onnx.TensorProto(name=name, data_type=kind, dims=array.shape)
    return tensor.SerializeToString() + wire.header(RAW_DATA, array.nbytes)


def _model(graph: OnnxGraph, net: Steps, metadata: Mapping[str, str]):
    """The ModelProto without initializers."""
    helper = import_extra('onnx', 'export').helper
    opset = helper.make_opsetid('', graph.opset)
    nodes = list(_nodes(helper, graph))
    inputs = [_declared(helper, value.name, value) for value in net.inputs]
    outputs = [_declared(helper, name, value) for name, value in net.outputs.items()]
    model = helper.make_model(
        helper.make_graph(nodes, net.name or 'net', inputs, outputs),
        opset_imports=[opset],
        ir_version=helper.find_min_ir_version_for([opset]),
        producer_name='goodinit',
        producer_version=__version__,
    )
    helper.set_model_props(model, dict(metadata))
    return model


def _nodes(helper, graph: OnnxGraph) -> Iterator:
    for node in graph.nodes:
        attributes = dict(node.attributes)
        for name, value in attributes.items():
            if isinstance(value, OnnxGraph):
                attributes[name] = _body(helper, value)
        yield helper.make_node(node.op, node.inputs, node.outputs, node.outputs[0], **attributes)


def _body(helper, graph: OnnxGraph):
    """The GraphProto of an attribute; shapes are those that its node gives it."""
    inputs = [helper.make_tensor_value_info(name, 1, None) for name in graph.inputs]
    outputs = [helper.make_tensor_value_info(name, 1, None) for name in graph.outputs]
    return helper.make_graph(list(_nodes(helper, graph)), graph.scope, inputs, outputs)


def _declared(helper, name: str, value: Value):
    shape = [extent_name(extent) for extent in value.shape]
    if value.counted is not None:
        shape[value.counted] = f'{name}_count'
    return helper.make_tensor_value_info(name, 1, shape)
