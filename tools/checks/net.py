"""All that is wrong with a net in one phase: it is built as far as it goes, by the code that runs
it.

A layer that cannot be built is left out, with all that reads what it makes, and the rest is tried
again.
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
from ...netlib.layers.host import python
from ...netlib.registry import layer_class
from ...netlib.shapes import Shape
from ...proto.caffe_pb2 import LayerParameter, NetParameter
from ..cli.console import in_options
from .findings import Finding, found


def draft(
    param: NetParameter, path: str, shape: Shape | None = None
) -> tuple[Net | None, list[Finding]]:
    """The net of the layers that can be built, None where there are none, and what hinders the
    others.

    param: filtered for its state. shape: (C, H, W) of the images where it cannot be told. A data
    layer whose source is not here is only warned of; an Input takes its place.
    """
    findings = [found(error, path) for error in wiring(param)]
    for finding in findings:
        param = without(param, finding)
    while param.layer:
        net = built(param)
        if isinstance(net, Net):
            return net, findings + [
                found(error, path) for error in [*fillers(net), *refused_gradients(net)]
            ]
        finding, rest = _go_on(param, net, path, shape)
        findings.append(finding)
        if rest == param:
            break
        param = rest
    return None, findings


def built(param: NetParameter) -> Net | GoodinitError:
    """The net, or what keeps it from being built."""
    try:
        return Net(param, seed=0)
    except GoodinitError as error:
        return error
    except Exception as error:
        if not (where := python.blame(error)):
            raise
        return NetError(f'{where} raised {type(error).__name__}: {error}')


def _go_on(
    param: NetParameter, error: GoodinitError, path: str, shape: Shape | None
) -> tuple[Finding, NetParameter]:
    """What an error says, and the net without the layer at fault or, where only its data are
    missing, with an Input in its place, if its shape can be told."""
    finding = in_own_names(found(error, path), param)
    layer = next((layer for layer in param.layer if is_about(finding, layer)), None)
    if layer is None or not isinstance(error, DataError) or Path(source_of(layer) or '.').exists():
        return finding, without(param, finding)
    try:
        options = DataOptions(input_shape=shape)
        inputs = inputs_of_file(NetFile(Path(path), param), [layer], None, options, None)
        shapes = {each.name: each.shape for each in inputs}
        return replace(finding, warning=True), with_inputs(param, shapes)
    except GoodinitError as unknown:
        message = f'{finding.message}; {in_options(found(unknown, path).message)}'
        return replace(finding, message=message, warning=True), without(param, finding)


def in_own_names(finding: Finding, param: NetParameter) -> Finding:
    """The finding with the names that blobs have in the file, in place of those of the Split
    layers."""
    message = finding.message
    for layer in graph.insert_splits(param).layer:
        for top in layer.top if layer.type == 'Split' else ():
            message = message.replace(f"'{top}'", f"'{layer.bottom[0]}'")
    return replace(finding, message=message)


def wiring(param: NetParameter) -> Iterator[GoodinitError]:
    """What can be said of the layers without their shapes: types, names and numbers of bottoms and
    tops."""
    yield from graph.unknown_bottoms(param)
    yield from graph.wrong_tops(param)
    engine = make_engine('reference')
    for layer in param.layer:
        try:
            bare = layer_class(layer)(layer, engine, param.state.phase)
            check_counts(bare, list(layer.bottom), list(layer.top) or [layer.name] * bare.is_loss)
        except GoodinitError as error:
            yield error


def fillers(net: Net) -> Iterator[GoodinitError]:
    """What keeps the parameters from being filled; one input channel is enough to tell, and of
    outputs as many as `sparse` is compared with."""
    for layer in net.layers:
        for param in layer.params:
            if param.filler is not None:
                try:
                    outputs = (min(n, max(param.filler.sparse, 1)) for n in param.shape[:1])
                    few = (*outputs, *(min(n, 1) for n in param.shape[1:2]), *param.shape[2:])
                    fill_array(few, param.filler, np.random.default_rng(0))
                except NetError as error:
                    yield layer_error(layer.param, str(error))


def refused_gradients(net: Net) -> Iterator[GoodinitError]:
    """What the layers say that are asked for a gradient they do not have."""
    for i, layer in enumerate(net.layers):
        down = net.propagate_down[i]
        if net.runs_backward[i] and any(down[j] for j in layer.no_gradient if j < len(down)):
            try:
                layer.backward(net.tops[i], down, net.bottoms[i])
            except GoodinitError as error:
                yield error


def without(param: NetParameter, finding: Finding) -> NetParameter:
    """The net without the layer of a finding, and without the layers that read what only that one
    makes."""
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
    """Whether a finding is about a layer."""
    line = layer.origin.rpartition(':')[2]
    return (
        finding.layer == layer.name
        and finding.type == layer.type
        and str(finding.line) in (line, '0')
    )
