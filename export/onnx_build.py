"""From the steps of a net to an ONNX graph."""

from ..netlib.errors import layer_error
from . import layers  # noqa: F401 - registers what every layer becomes
from .convention import Convention, Preparation, is_image
from .onnx_graph import Node, OnnxGraph, Tensor
from .registry import ONNX, Inexpressible, reason_against
from .steps import Step, Steps, Value


def build(net: Steps, convention: Convention) -> tuple[OnnxGraph, list[str]]:
    """The graph, and every problem: a line for each layer that ONNX has no words for."""
    g, problems = OnnxGraph(), []
    g.reserve([value.name for value in net.inputs])
    g.reserve([value.name for step in net.steps for value in step.tops])
    made_of = {id(value): _input(g, value, convention) for value in net.inputs}
    for step in net.steps:
        bottoms = [made_of[id(value)] for value in step.bottoms]
        try:
            made = _add(g, step, bottoms)
        except Inexpressible as reason:
            problems.append(str(layer_error(step.param, str(reason))))
            made = [g.named(value.name) for value in step.tops]
        made_of.update(zip(map(id, step.tops), made, strict=True))
    for name, value in net.outputs.items():
        source = made_of[id(value)].name
        if source != name:
            g.nodes.append(Node('Identity', [source], [name], {}))
    return g, problems


def _input(g: OnnxGraph, value: Value, convention: Convention) -> Tensor:
    """What the layers read as an input: itself, or what is made of images as they are given."""
    x = g.named(value.name)
    if not (convention.given and is_image(value.shape)):
        return x
    prepare = Preparation(convention)
    g.scope = 'prepare'
    if prepare.reverse:
        x = g.op('Gather', x, [2, 1, 0], axis=1)
    if prepare.factor != 1:
        x = x * prepare.factor
    if prepare.mean.any():
        x = x - prepare.mean
    return x if prepare.scale == 1 else x * float(prepare.scale)


def _add(g: OnnxGraph, step: Step, bottoms: list[Tensor]) -> list[Tensor]:
    """Add a step's nodes; returns its tops, called as their blobs where a node makes them."""
    if step.type not in ONNX:
        raise Inexpressible(reason_against('ONNX', step.type))
    g.scope, start = step.name, len(g.nodes)
    made = ONNX[step.type](g, step, *bottoms)
    tensors = made if isinstance(made, list) else [made]
    out = []
    for tensor, value in zip(tensors, step.tops, strict=True):
        renamed = g.rename(tensor.name, value.name, start)
        out.append(g.named(value.name) if renamed else tensor)
    return out
