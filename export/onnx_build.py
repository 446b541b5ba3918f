"""From the steps of a net to an ONNX graph."""

from ..netlib.errors import layer_error
from . import layers  # noqa: F401 - registers what every layer becomes
from .convention import Convention, Preparation, is_image
from .onnx_graph import Node, OnnxGraph
from .registry import ONNX, Inexpressible, reason_against
from .steps import Step, Steps, Value


def build(net: Steps, convention: Convention) -> tuple[OnnxGraph, list[str]]:
    """The graph, and every problem: a line for each layer that ONNX has no words for."""
    g, problems = OnnxGraph(), []
    g.reserve([value.name for value in net.inputs])
    g.reserve([value.name for step in net.steps for value in step.tops])
    names = {id(value): _input(g, value, convention) for value in net.inputs}
    for step in net.steps:
        try:
            made = _add(g, step, [names[id(value)] for value in step.bottoms])
        except Inexpressible as reason:
            problems.append(str(layer_error(step.param, str(reason))))
            made = [value.name for value in step.tops]
        names.update(zip(map(id, step.tops), made, strict=True))
    for name, value in net.outputs.items():
        if names[id(value)] != name:
            g.nodes.append(_identity(names[id(value)], name))
    return g, problems


def _input(g: OnnxGraph, value: Value, convention: Convention) -> str:
    """What the layers read as an input: itself, or what is made of images as they are given."""
    if not (convention.given and is_image(value.shape)):
        return value.name
    prepare, x = Preparation(convention), value.name
    g.scope = 'prepare'
    if prepare.reverse:
        x = g.op('Gather', x, [2, 1, 0], axis=1)
    if prepare.factor != 1:
        x = g.op('Mul', x, prepare.factor)
    if prepare.mean.any():
        x = g.op('Sub', x, prepare.mean)
    return x if prepare.scale == 1 else g.op('Mul', x, float(prepare.scale))


def _add(g: OnnxGraph, step: Step, bottoms: list[str]) -> list[str]:
    """Add a step's nodes; returns the names of its tops."""
    if step.type not in ONNX:
        raise Inexpressible(reason_against('ONNX', step.type))
    g.scope, start = step.name, len(g.nodes)
    made = ONNX[step.type](g, step, *bottoms)
    made = [made] if isinstance(made, str) else made
    out = []
    for name, value in zip(made, step.tops, strict=True):
        renamed = g.rename(name, value.name, start)
        out.append(value.name if renamed else name)
    return out


def _identity(source: str, name: str):
    return Node('Identity', [source], [name], {})
