"""One small case of a layer type: its fields, and the numbers in its bottoms and parameters.

    case('Pooling', 'pooling_param { kernel_size: 2 }', x=(2, 3, 4, 5))

A bottom is given by its shape, and then holds distinct numbers that are no kink of any layer, or by
one of the makers below. Parameters hold such numbers too, unless `params` says otherwise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np
from goodinit.netlib import Net
from goodinit.proto import parse_net
from goodinit.proto.caffe_pb2 import TEST, TRAIN

Maker = Callable[[np.random.Generator], np.ndarray]


def spread(*shape, low=-1.0, high=1.0) -> Maker:
    """Distinct numbers, in random order, about evenly spread between low and high."""

    def make(rng):
        n = int(np.prod(shape))
        steps = rng.permutation(n) + 0.5 + rng.uniform(-0.3, 0.3, n)
        return (low + (high - low) * steps / max(n, 1)).reshape(shape)

    return make


def integers(*shape, below) -> Maker:
    return lambda rng: rng.integers(below, size=shape).astype(float)


def exactly(values) -> Maker:
    return lambda rng: np.array(values, float)


def probabilities(*shape) -> Maker:
    """Positive numbers that sum to 1 along axis 1."""

    def make(rng):
        values = rng.uniform(0.5, 1.5, shape)
        return values / values.sum(1, keepdims=True)

    return make


@dataclass(frozen=True)
class Case:
    id: str
    type: str
    fields: str
    bottoms: dict[str, Maker]
    tops: Sequence[str] = ('y',)
    phase: int = TEST
    params: dict[int, Maker] = field(default_factory=dict)  # by index
    no_top_gradient: Sequence[str] = ()  # tops whose diffs the layer ignores
    down: Sequence[str] | None = None  # bottoms with a gradient; None: as the layer says
    ruled: Sequence[int] = ()  # parameters whose diff is a rule of its own, not the gradient

    def net(self, engine, in_place=False) -> Net:
        """A net of Input layers and the layer (the last one), with the case's values in inputs and
        parameters."""
        inputs = [input_text(name, array.shape) for name, array in self.values().items()]
        tops = [next(iter(self.bottoms)), *self.tops[1:]] if in_place else self.tops
        ends = [f'bottom: {name!r}' for name in self.bottoms]
        ends += [f'top: {name!r}' for name in tops]
        layer = f'layer {{ name: "l" type: "{self.type}" {" ".join(ends)} {self.fields} }}'
        net = Net(parse_net('\n'.join([*inputs, layer])), self.phase, engine=engine, seed=0)
        self.put(net)
        return net

    def rng(self):
        return np.random.default_rng(crc32(self.id.encode()))

    def values(self):
        rng = self.rng()
        return {name: make(rng) for name, make in self.bottoms.items()}

    def put(self, net):
        """Write the case's values into the net's inputs and parameters, and start the layer's
        randomness anew."""
        for name, array in self.values().items():
            net.blobs[name].reshape(*array.shape)
            net.blobs[name].data = array
        rng = self.rng()
        for i, param in enumerate(net.layers[-1].params):
            param.data = self.params.get(i, spread(*param.shape, low=-0.6, high=0.6))(rng).reshape(
                param.shape
            )
        net.layers[-1].rng = np.random.default_rng(0)

    def wanted(self, net):
        """Per bottom of the layer, whether it gets a gradient."""
        layer = net.layers[-1]
        return [
            i not in layer.no_gradient if self.down is None else name in self.down
            for i, name in enumerate(self.bottoms)
        ]

    def backward(self, net):
        """Put diffs on the layer's tops and run its backward."""
        self.put_top_diffs(net)
        net.layers[-1].backward(net.tops[-1], self.wanted(net), net.bottoms[-1])

    def put_top_diffs(self, net):
        for top, diff in zip(net.tops[-1], self.top_diffs(net), strict=True):
            top.diff = diff

    def gradients(self, net):
        """{name: blob} of what has a gradient: bottoms, and parameters that learn."""
        found = {
            f"bottom '{blob.name}'": blob
            for blob, yes in zip(net.bottoms[-1], self.wanted(net), strict=True)
            if yes
        }
        return found | {
            f'param {i}': param for i, param in enumerate(net.layers[-1].params) if param.learns
        }

    def top_diffs(self, net):
        """What the tests put on the diffs of the layer's tops: distinct numbers, zeros where the
        layer ignores them."""
        rng = np.random.default_rng(7)
        diffs = [spread(*top.shape)(rng) for top in net.tops[-1]]
        return [
            0 * diff if top.name in self.no_top_gradient else diff
            for top, diff in zip(net.tops[-1], diffs, strict=True)
        ]


def input_text(name, shape) -> str:
    """The prototxt of an Input layer."""
    dims = ' '.join(f'dim: {n}' for n in shape)
    shape = f'input_param {{ shape {{ {dims} }} }}'
    return f'layer {{ name: "{name}" type: "Input" top: "{name}" {shape} }}'


def case(
    type,
    fields='',
    *,
    id='',
    tops='y',
    train=False,
    params=None,
    ignored='',
    down=None,
    ruled=(),
    **bottoms,
) -> Case:
    """The Case of a layer; a bottom is a shape or a Maker."""
    makers = {}
    for name, maker in bottoms.items():
        makers[name] = spread(*maker) if isinstance(maker, tuple) else maker
    phase = TRAIN if train else TEST
    return Case(
        id='/'.join(filter(None, [type, id])),
        type=type,
        fields=fields,
        bottoms=makers,
        tops=tops.split(),
        phase=phase,
        params=params or {},
        no_top_gradient=ignored.split(),
        down=None if down is None else down.split(),
        ruled=ruled,
    )


def positive(*shape) -> Maker:
    return spread(*shape, low=0.3, high=2.0)
