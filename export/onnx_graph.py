"""An ONNX graph in the making: nodes, and constants that are made where they are used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..netlib.blob import Param
from .steps import Step

Input = str | float | list[int] | np.ndarray
OPSET = 13  # the lowest that is written; some ops ask for more


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

    `op` adds a node and returns the name of what it makes. An input is a name, or a number, a list
    of integers or an array, of which an initializer is made.
    """

    nodes: list[Node] = field(default_factory=list)
    initializers: dict[str, np.ndarray] = field(default_factory=dict)
    opset: int = OPSET
    scope: str = ''  # the layer that nodes are made for
    inputs: list[str] = field(default_factory=list)  # of the graph in a node
    outputs: list[str] = field(default_factory=list)
    _used: Counter = field(default_factory=Counter)
    _weights: dict[tuple, str] = field(default_factory=dict)

    def op(self, kind: str, *inputs: Input, since: int = OPSET, **attributes: Any) -> str:
        """Add a node of one output; `since`: the opset that brought what it uses."""
        return self.ops(kind, *inputs, outputs=1, since=since, **attributes)[0]

    def ops(
        self, kind: str, *inputs: Input, outputs: int, since: int = OPSET, **attributes: Any
    ) -> list[str]:
        """Add a node of several outputs."""
        self.opset = max(self.opset, since)
        base = self._name(kind)
        names = [base if i == 0 else f'{base}:{i}' for i in range(outputs)]
        self.nodes.append(Node(kind, [self.input(x) for x in inputs], names, attributes))
        return names

    def input(self, x: Input) -> str:
        """The name of an input, of an initializer where it is a value."""
        return x if isinstance(x, str) else self.constant(x)

    def constant(self, value: float | list[int] | np.ndarray, name: str = '') -> str:
        """An initializer: float32 of floats, int64 of integers in a list."""
        if isinstance(value, list):
            array = np.array(value, np.int64)
        elif isinstance(value, np.ndarray):
            array = value
        else:
            array = np.array(value, np.float32)
        name = name or self._name('constant')
        self.initializers.setdefault(name, np.asarray(array))
        return name

    def weight(self, step: Step, name: str, shape: Sequence[int] | None = None) -> str:
        """The initializer with the values of a weight, which are not copied, perhaps in another
        shape; layers that share a weight share it."""
        param = step.weights[name]
        shape = tuple(param.shape if shape is None else shape)
        name = self._weights.setdefault((id(param.owner), shape), f'{step.name}.{name}')
        return self.constant(as_float32(param).reshape(shape), name)

    def weights(self, step: Step, *names: str) -> list[str]:
        """The initializers of those of these weights that the layer has."""
        return [self.weight(step, name) for name in names if name in step.weights]

    def reshape(self, x: str, shape: list[int]) -> str:
        return self.op('Reshape', x, shape)

    def inner(self, inputs: list[str]) -> OnnxGraph:
        """A graph for an attribute of a node, which also sees all names of this one."""
        return OnnxGraph(scope=self.scope, inputs=inputs, _used=self._used)

    def cast(self, x: str, to: str) -> str:
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
