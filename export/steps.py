"""A net as a list of steps between values that are each written once: no layer works in place, and
nothing is split or silenced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..netlib import Net
from ..netlib.blob import Blob, Param
from ..netlib.layers import Layer
from ..netlib.shapes import Shape
from ..netlib.weights.names import scaled_norms, weight_names
from .batch import varies

# The axis along which a layer's top has as many elements as it finds.
COUNTED = {'DetectionOutput': 2, 'Filter': 0}


@dataclass(eq=False)
class Value:
    """One version of a blob. name: each once, the blob's own for its last version. counted: the
    axis whose extent depends on the data, where there is one."""

    name: str
    blob: str
    shape: Shape
    counted: int | None = None


@dataclass(eq=False)
class Step:
    """A layer with the values that it reads and writes.

    layer: set up for shapes in which the batch is a symbol. weights: by their names in Python.
    scale: those of the Scale layer that a BatchNorm takes up. bottom_blobs, top_blobs: the layer's
    own, for what can be computed from shapes alone.
    """

    layer: Layer
    bottoms: list[Value]
    tops: list[Value]
    weights: dict[str, Param] = field(default_factory=dict)
    scale: dict[str, Param] = field(default_factory=dict)
    bottom_blobs: list[Blob] = field(default_factory=list)
    top_blobs: list[Blob] = field(default_factory=list)

    @property
    def param(self):
        """The LayerParameter."""
        return self.layer.param

    @property
    def name(self) -> str:
        return self.layer.name

    @property
    def type(self) -> str:
        return self.layer.type

    @property
    def x(self) -> Shape:
        """The shape of the first bottom."""
        return self.bottoms[0].shape

    @property
    def y(self) -> Shape:
        """The shape of the first top."""
        return self.tops[0].shape


@dataclass
class Steps:
    """The steps of a net, its inputs, and its outputs by name."""

    name: str
    steps: list[Step] = field(default_factory=list)
    inputs: list[Value] = field(default_factory=list)
    outputs: dict[str, Value] = field(default_factory=dict)

    @property
    def symbolic(self) -> bool:
        """Whether any number of images can go through at a time."""
        return any(varies(value.shape[0]) for value in self.inputs if value.shape)


def steps_of(net: Net, params: Mapping[str, Sequence[Param]]) -> Steps:
    """The steps of `net`, which knows the shapes, with the weights `params` by layer."""
    out = Steps(net.name)
    current: dict[str, Value] = {}
    for layer, bottom, top in zip(net.layers, net.bottoms, net.tops, strict=True):
        if layer.type == 'Split':
            for blob in top:
                current[blob.name] = current[bottom[0].name]
            continue
        bottoms = [current[blob.name] for blob in bottom]
        counted = COUNTED.get(layer.type)
        tops = [Value(blob.name, blob.name, blob.shape, counted) for blob in top]
        current.update((value.blob, value) for value in tops)
        if layer.type == 'Input':
            out.inputs += tops
        elif layer.type != 'Silence':
            found = params.get(layer.name, ())
            names = weight_names(layer.param, len(found))
            weights = dict(zip(names, found, strict=True))
            out.steps.append(Step(layer, bottoms, tops, weights, {}, bottom, top))
    out.outputs = {name: current[name] for name in net.outputs}
    _take_up_scales(out, scaled_norms(net.param))
    _name_versions(out)
    return out


def _take_up_scales(net: Steps, norms: Mapping[str, str]) -> None:
    """Let each BatchNorm do what the Scale after it would do to its top."""
    by_name = {step.name: step for step in net.steps}
    for norm, scale in norms.items():
        above = by_name[scale]
        by_name[norm].scale = above.weights
        by_name[norm].tops = above.tops
        net.steps.remove(above)


def _name_versions(net: Steps) -> None:
    """A name for each version of a blob that several layers write: the last has the blob's own,
    unless it is an input's."""
    inputs = {value.blob for value in net.inputs}
    last = {top.blob: top for step in net.steps for top in step.tops}
    taken = inputs | set(last)
    for step in net.steps:
        for value in step.tops:
            if value is not last[value.blob] or value.blob in inputs:
                value.name = _free(f'{value.blob}/{step.name}', taken)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += '_'
    taken.add(name)
    return name
