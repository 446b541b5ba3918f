"""Everything that is wrong with a net in one phase: it is built as far as it goes, by the code that
runs it.

A layer that cannot be built is left out, together with every layer that reads what only that one
makes; then the rest is tried again.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...feeding.data_layers import shapes_without_data, source_of
from ...feeding.data_options import DataOptions
from ...feeding.input_layers import with_inputs
from ...feeding.net_file import NetFile
from ...feeding.net_inputs import inputs_of_file
from ...initializers import fill_array
from ...netlib import Net, graph
from ...netlib.building import Builder, check_counts
from ...netlib.engines import make_engine
from ...netlib.errors import DataError, GoodinitError, NetError, layer_error
from ...netlib.layers import Layer
from ...netlib.layers.host import python
from ...netlib.plan import Plan
from ...netlib.ranks import Ranks
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
    param = without(param, findings)
    while param.layer:
        net = built(param)
        if isinstance(net, Net):
            errors = [*filler_errors(net), *refused_gradients(net)]
            findings += [found(error, path) for error in errors]
            return net, findings
        more, rest = _go_on(param, errors_of_layers(param) or [net], path, shape)
        findings += more
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


def errors_of_layers(param: NetParameter) -> list[GoodinitError]:
    """What keeps layers from being built, as far as layers say so."""
    net = graph.insert_splits(param)
    builder = Builder(param.state.phase, make_engine('fast'), Ranks(), 0, Plan())
    errors: list[GoodinitError] = []
    with suppress(Exception):  # of a Python layer: `built` told of it, or will
        errors.extend(builder.errors(net))
    return errors


def _go_on(
    param: NetParameter, errors: Iterable[GoodinitError], path: str, shape: Shape | None
) -> tuple[list[Finding], NetParameter]:
    """The findings for errors of building a net, and the net with which to go on: without the
    layers at fault or, where only their data are missing and their shape is known, with Inputs in
    their place."""
    names = names_before_splits(param)
    findings: list[Finding] = []
    wrong: list[Finding] = []
    shapes: dict[str, Shape] = {}
    for error in errors:
        finding = in_own_names(found(error, path), names)
        known: dict[str, Shape] = {}
        if isinstance(error, DataError):
            finding, known = _without_data(param, finding, path, shape)
        findings.append(finding)
        shapes.update(known)
        if not known:
            wrong.append(finding)
    rest = without(param, wrong)
    return findings, with_inputs(rest, shapes) if shapes else rest


def _without_data(
    param: NetParameter, finding: Finding, path: str, shape: Shape | None
) -> tuple[Finding, dict[str, Shape]]:
    """The finding about a data layer, a warning if only its data are missing, and the shapes of
    its tops where they are known without them."""
    at_fault = [layer for layer in param.layer if is_about(finding, layer)][:1]
    for layer in at_fault:
        told = shapes_without_data(layer)
        if told:
            return replace(finding, warning=True), told
    if all(map(_has_source, at_fault)):
        return finding, {}
    options = DataOptions(input_shape=shape)
    try:
        inputs = inputs_of_file(NetFile(Path(path), param), at_fault, None, options, None)
        return replace(finding, warning=True), {each.name: each.shape for each in inputs}
    except GoodinitError as unknown:
        message = f'{finding.message}; {in_options(found(unknown, path).message)}'
        return replace(finding, message=message, warning=True), {}


def _has_source(layer: LayerParameter) -> bool:
    """Whether the file or database that a data layer reads exists, or it reads none."""
    return Path(source_of(layer) or '.').exists()


def names_before_splits(param: NetParameter) -> dict[str, str]:
    """{top of a Split layer that a net inserts: the blob that it splits}."""
    names: dict[str, str] = {}
    for layer in graph.insert_splits(param).layer:
        if layer.type == 'Split':
            names.update(dict.fromkeys(layer.top, layer.bottom[0]))
    return names


def in_own_names(finding: Finding, names: Mapping[str, str]) -> Finding:
    """The finding with the names that blobs have in the file, in place of those of Split layers."""
    message = re.sub(r"(?<=')[^']*(?=')", lambda name: names.get(name[0], name[0]), finding.message)
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


def without(param: NetParameter, findings: Iterable[Finding]) -> NetParameter:
    """The net without the layers that findings are about, and without the layers that read what
    only those make."""
    about = defaultdict(list)
    for finding in findings:
        about[finding.layer, finding.type].append(finding)
    out = NetParameter()
    out.CopyFrom(param)
    del out.layer[:]
    made: set[str] = set()
    broken: set[str] = set()
    for layer in param.layer:
        at_fault = any(
            is_about(finding, layer) for finding in about.get((layer.name, layer.type), ())
        )
        if at_fault or not broken.isdisjoint(layer.bottom):
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
