"""An ONNX graph in the making: nodes, and constants that are made where they are used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..netlib.blob import Param
from .steps import Step

OPSET = 13  # the lowest that is written; some ops ask for more


@dataclass(frozen=True, eq=False)
class Tensor:
    """What a node makes, or what a graph is given, by its name. Arithmetic adds nodes."""

    graph: OnnxGraph
    name: str

    def __add__(self, other: Input) -> Tensor:
        return self.graph.op('Add', self, other)

    def __sub__(self, other: Input) -> Tensor:
        return self.graph.op('Sub', self, other)

    def __rsub__(self, other: Input) -> Tensor:
        return self.graph.op('Sub', other, self)

    def __mul__(self, other: Input) -> Tensor:
        return self.graph.op('Mul', self, other)

    def __truediv__(self, other: Input) -> Tensor:
        return self.graph.op('Div', self, other)


# Values become initializers; the empty string is an input that is left out.
Input = Tensor | str | float | list[int] | np.ndarray


@dataclass
class Node:
    """One node; attributes by name, in Python's types."""

    op: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]


@dataclass
class OnnxGraph:
    """Nodes in their order, and initializers by name.

    `op` adds a node and returns what it makes. An input is a tensor, or a number, a list of
    integers or an array, of which an initializer is made.
    """

    nodes: list[Node] = field(default_factory=list)
    initializers: dict[str, np.ndarray] = field(default_factory=dict)
    opset: int = OPSET
    scope: str = ''  # the layer that nodes are made for
    inputs: list[str] = field(default_factory=list)  # of the graph in a node
    outputs: list[str] = field(default_factory=list)
    _used: Counter = field(default_factory=Counter)
    _weights: dict[tuple, str] = field(default_factory=dict)

    def op(self, kind: str, *inputs: Input, since: int = OPSET, **attributes: Any) -> Tensor:
        """Add a node of one output; `since`: the opset that brought what it uses."""
        return self.ops(kind, *inputs, outputs=1, since=since, **attributes)[0]

    def ops(
        self, kind: str, *inputs: Input, outputs: int, since: int = OPSET, **attributes: Any
    ) -> list[Tensor]:
        """Add a node of several outputs."""
        self.opset = max(self.opset, since)
        base = self._name(kind)
        names = [base, *[f'{base}:{i}' for i in range(1, outputs)]]
        given = [self._input(x) for x in inputs]
        self.nodes.append(Node(kind, given, names, attributes))
        return [Tensor(self, name) for name in names]

    def _input(self, x: Input) -> str:
        """The name of an input, of an initializer where it is a value."""
        if isinstance(x, str):
            return x
        tensor = x if isinstance(x, Tensor) else self.constant(x)
        return tensor.name

    def named(self, name: str) -> Tensor:
        """What has this name already."""
        return Tensor(self, name)

    def constant(self, value: float | list[int] | np.ndarray, name: str = '') -> Tensor:
        """An initializer: float32 of floats, int64 of integers in a list."""
        if isinstance(value, list):
            array = np.array(value, np.int64)
        elif isinstance(value, np.ndarray):
            array = value
        else:
            array = np.array(value, np.float32)
        name = name or self._name('constant')
        self.initializers.setdefault(name, np.asarray(array))
        return Tensor(self, name)

    def weight(self, step: Step, name: str, shape: Sequence[int] | None = None) -> Tensor:
        """The initializer with the values of a weight, which are not copied, perhaps in another
        shape; layers that share a weight share it."""
        param = step.weights[name]
        shape = tuple(param.shape if shape is None else shape)
        name = self._weights.setdefault((id(param.owner), shape), f'{step.name}.{name}')
        return self.constant(as_float32(param).reshape(shape), name)

    def bias(self, step: Step) -> list[Tensor]:
        """The bias as one input more, if the layer has one."""
        return [self.weight(step, 'bias')] if 'bias' in step.weights else []

    def reshape(self, x: Tensor, shape: list[int]) -> Tensor:
        return self.op('Reshape', x, shape)

    def concat(self, parts: Iterable[Input], axis: int) -> Tensor:
        return self.op('Concat', *parts, axis=axis)

    def size(self, x: Tensor, axis: int) -> Tensor:
        """The extent of an axis, as a list of one integer."""
        return self.op('Slice', self.op('Shape', x), [axis], [axis + 1])

    def inner(self, inputs: list[str]) -> OnnxGraph:
        """A graph for an attribute of a node, which also sees all names of this one."""
        return OnnxGraph(scope=self.scope, inputs=inputs, _used=self._used)

    def cast(self, x: Tensor, to: str) -> Tensor:
        """x as 'float', 'int64' or 'bool'."""
        return self.op('Cast', x, to=CODES[to])

    def reserve(self, names: Iterable[str]) -> None:
        """Keep these names for the blobs."""
        self._used.update(names)

    def _name(self, kind: str) -> str:
        base = f'{self.scope}/{kind}' if self.scope else kind
        self._used[base] += 1
        count = self._used[base]
        return base if count == 1 else self._name(f'{kind}_{count}')

    def rename(self, old: str, new: str, start: int) -> bool:
        """Call what a node from number `start` on makes by another name; False where none makes
        it."""
        made = False
        for node in self.nodes[start:]:
            made |= old in node.outputs
            node.inputs = [new if name == old else name for name in node.inputs]
            node.outputs = [new if name == old else name for name in node.outputs]
        return made


def as_float32(param: Param) -> np.ndarray:
    return param.values.array().astype(np.float32, copy=False)


# TensorProto.DataType
CODES = {'float': 1, 'int64': 7, 'bool': 9}
