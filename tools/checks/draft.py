"""Everything that is wrong with a net in one phase: it is built as far as it goes, by the code that
runs it.

A layer that cannot be built is left out, together with every layer that reads what only that one
makes; then the rest is tried again.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...feeding.data_layers import source_of
from ...feeding.data_options import DataOptions
from ...feeding.input_layers import with_inputs
from ...feeding.net_file import NetFile
from ...feeding.net_inputs import inputs_of_file
from ...initializers import fill_array
from ...netlib import Net, graph
from ...netlib.building import check_counts
from ...netlib.engines import make_engine
from ...netlib.errors import DataError, GoodinitError, NetError, layer_error
from ...netlib.layers import Layer
from ...netlib.layers.host import python
from ...netlib.registry import layer_class
from ...netlib.shapes import Shape
from ...proto.caffe_pb2 import FillerParameter, LayerParameter, NetParameter
from ..cli.console import in_options
from .findings import Finding, found


def draft(
    param: NetParameter, path: str, shape: Shape | None = None
) -> tuple[Net | None, list[Finding]]:
    """The net of the layers that can be built, and what is wrong with the others; None where no
    layer can be built.

    param: the net, filtered for its state. shape: (C, H, W) of its images where the prototxt does
    not tell it. A data layer whose source is missing is only warned of: an Input takes its place.
    """
    findings = [found(error, path) for error in wiring_errors(param)]
    for finding in findings:
        param = without(param, finding)
    while param.layer:
        net = built(param)
        if isinstance(net, Net):
            errors = [*filler_errors(net), *refused_gradients(net)]
            findings += [found(error, path) for error in errors]
            return net, findings
        finding, rest = _go_on(param, net, path, shape)
        findings.append(finding)
        if rest == param:
            break
        param = rest
    return None, findings


def built(param: NetParameter) -> Net | GoodinitError:
    """The net, or the error that keeps it from being built."""
    try:
        return Net(param, seed=0)
    except GoodinitError as error:
        return error
    except Exception as error:
        blamed = python.blame(error)
        if not blamed:
            raise
        return NetError(f'{blamed} raised {type(error).__name__}: {error}')


def _go_on(
    param: NetParameter, error: GoodinitError, path: str, shape: Shape | None
) -> tuple[Finding, NetParameter]:
    """The finding for an error of building a net, and the net with which to go on: without the
    layer at fault or, if only its data are missing and their shape is known, with an Input in its
    place."""
    finding = in_own_names(found(error, path), param)
    rest = without(param, finding)
    at_fault = [layer for layer in param.layer if is_about(finding, layer)][:1]
    lacks_data = isinstance(error, DataError) and not all(map(_has_source, at_fault))
    if not lacks_data:
        return finding, rest
    file = NetFile(Path(path), param)
    options = DataOptions(input_shape=shape)
    try:
        inputs = inputs_of_file(file, at_fault, None, options, None)
        shapes = {each.name: each.shape for each in inputs}
        return replace(finding, warning=True), with_inputs(param, shapes)
    except GoodinitError as unknown:
        message = f'{finding.message}; {in_options(found(unknown, path).message)}'
        return replace(finding, message=message, warning=True), rest


def _has_source(layer: LayerParameter) -> bool:
    """Whether the file or database that a data layer reads exists, or it reads none."""
    return Path(source_of(layer) or '.').exists()


def in_own_names(finding: Finding, param: NetParameter) -> Finding:
    """The finding with the names that blobs have in the file, in place of those of Split layers."""
    message = finding.message
    for layer in graph.insert_splits(param).layer:
        if layer.type == 'Split':
            for top in layer.top:
                message = message.replace(f"'{top}'", f"'{layer.bottom[0]}'")
    return replace(finding, message=message)


# -- what can be told before the net is built, and after


def wiring_errors(param: NetParameter) -> Iterator[GoodinitError]:
    """What is wrong with the types of layers, and the names and numbers of their bottoms and
    tops."""
    yield from graph.unknown_bottoms(param)
    yield from graph.wrong_tops(param)
    engine = make_engine('reference')
    for param_of_layer in param.layer:
        try:
            layer = layer_class(param_of_layer)(param_of_layer, engine, param.state.phase)
            top = list(param_of_layer.top)
            if layer.is_loss and not top:
                top = [layer.name]
            check_counts(layer, list(param_of_layer.bottom), top)
        except GoodinitError as error:
            yield error


def filler_errors(net: Net) -> Iterator[GoodinitError]:
    """What keeps parameters from being filled."""
    for layer in net.layers:
        for param in layer.params:
            if param.filler is None:
                continue
            try:
                shape = _shape_to_try(param.shape, param.filler)
                fill_array(shape, param.filler, np.random.default_rng(0))
            except NetError as error:
                yield layer_error(layer.param, str(error))


def _shape_to_try(shape: Shape, filler: FillerParameter) -> Shape:
    """A small part of a parameter that is filled, or refused, as the whole is: one input, and as
    many outputs as `sparse` is compared with."""
    outputs = [min(extent, max(filler.sparse, 1)) for extent in shape[:1]]
    inputs = [min(extent, 1) for extent in shape[1:2]]
    return (*outputs, *inputs, *shape[2:])


def refused_gradients(net: Net) -> Iterator[GoodinitError]:
    """What layers say that are asked for a gradient which they do not have."""
    for i, layer in enumerate(net.layers):
        down = net.propagate_down[i]
        if not (net.runs_backward[i] and _is_asked_in_vain(layer, down)):
            continue
        try:
            layer.backward(net.tops[i], down, net.bottoms[i])
        except GoodinitError as error:
            yield error


def _is_asked_in_vain(layer: Layer, down: list[bool]) -> bool:
    return any(j < len(down) and down[j] for j in layer.no_gradient)


# -- taking layers out


def without(param: NetParameter, finding: Finding) -> NetParameter:
    """The net without the layer that a finding is about, and without the layers that read what only
    that one makes."""
    out = NetParameter()
    out.CopyFrom(param)
    del out.layer[:]
    made: set[str] = set()
    broken: set[str] = set()
    for layer in param.layer:
        if is_about(finding, layer) or broken & set(layer.bottom):
            broken |= set(layer.top) - made
        else:
            made |= set(layer.top)
            broken -= set(layer.top)
            out.layer.add().CopyFrom(layer)
    return out


def is_about(finding: Finding, layer: LayerParameter) -> bool:
    """Whether a finding is about a layer, by its name, its type and, where known, its line."""
    line = layer.origin.rpartition(':')[2]
    return (
        finding.layer == layer.name
        and finding.type == layer.type
        and str(finding.line) in (line, '0')
    )
