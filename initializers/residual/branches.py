"""The residual branches of any directed acyclic net.

A branch meets its skip connection at a sum (Eltwise SUM with equal coefficients). What is computed
for one bottom of the sum and for no other is that bottom's own part of the net. The skip is the
bottom whose own part is smallest: nothing with weights, or a single projection. The others are the
branches, whatever lies in them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ...netlib import Net
from ...netlib.layers import Layer
from ...netlib.layers.eltwise import Eltwise
from ...netlib.layers.shared.affine import Affine
from ..reach import affine_by_index, reads_of_layers


@dataclass
class Branch:
    """What one bottom of a sum adds to it. Layers are given by their indices.

    bottom   which of the sum's bottoms it is
    layers   the layers that only this bottom depends on, in the order in which they run
    affine   those of them that are affine, by index
    depth    the most affine layers on a way through it
    ends     the layers that set the scale of what is added: scaling all of them by a factor scales
             it by that factor; empty if no layers do
    closed   no layer outside the branch reads anything of it
    """

    bottom: int
    layers: list[int]
    affine: dict[int, Affine]
    depth: int
    ends: list[int]
    closed: bool


@dataclass
class Sum:
    """An Eltwise layer where residual branches meet a skip connection.

    skips  bottoms that pass unchanged or through a projection
    """

    index: int
    coefficient: float
    skips: list[Branch] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)

    @property
    def bottoms(self) -> list[Branch]:
        return sorted(self.skips + self.branches, key=lambda branch: branch.bottom)


def residual_sums(net: Net) -> dict[int, Sum]:
    """The sums of a net at which residual branches end, by index."""
    sums = {i: equal_coefficient(layer) for i, layer in enumerate(net.layers)}
    found: dict[int, Sum] = {}
    if not any(sums.values()):
        return found
    ancestry = Ancestry(net)
    for i, coefficient in sums.items():
        if coefficient:
            each = divided(Sum(i, coefficient), ancestry.bottoms_of(i))
            if each.branches:
                found[i] = each
    return found


def equal_coefficient(layer: Layer) -> float:
    """The coefficient of all bottoms if the layer is a sum with equal ones, else 0."""
    if not isinstance(layer, Eltwise):
        return 0
    fields = layer.param.eltwise_param
    equal = len(set(layer.coeff)) == 1
    return layer.coeff[0] if fields.operation == fields.SUM and equal else 0


def divided(found: Sum, bottoms: list[Branch]) -> Sum:
    """The sum with its bottoms told apart: those whose own part is smallest are skips if it holds
    at most one affine layer."""
    if not bottoms:
        return found

    def size(branch: Branch) -> tuple[int, int]:
        return branch.depth, sum(layer.weight.count for layer in branch.affine.values())

    least = min(map(size, bottoms))
    if least[0] > 1:
        return found
    for branch in bottoms:
        kind = found.skips if size(branch) == least else found.branches
        kind.append(branch)
    return found


class Ancestry:
    """Which layers feed which. Layers are given by their indices.

    sources    for each layer, the layers that wrote its bottoms
    ancestors  for each layer, itself and all layers that it depends on
    """

    def __init__(self, net: Net):
        self.net = net
        self.affine = affine_by_index(net)
        self.sources = reads_of_layers(net)
        self.ancestors: list[set[int]] = []
        for i, sources in enumerate(self.sources):
            self.ancestors.append({i}.union(*(self.ancestors[j] for j in sources)))

    def bottoms_of(self, index: int) -> list[Branch]:
        """The part of the net that each bottom of a sum has for itself; none if the bottoms have no
        common origin."""
        sources = self.sources[index]
        reached = [self.ancestors[j] for j in sources]
        if not set.intersection(*reached):
            return []
        found = []
        for k, source in enumerate(sources):
            others = reached[:k] + reached[k + 1 :]
            own = reached[k].difference(*others)
            found.append(self.branch(index, k, source, own))
        return found

    def branch(self, index: int, bottom: int, source: int, own: set[int]) -> Branch:
        layers = sorted(own)
        return Branch(
            bottom,
            layers,
            affine={i: self.affine[i] for i in layers if i in self.affine},
            depth=self.depth(source, layers),
            ends=self.ends(source, own) or [],
            closed=self.closed(own, index),
        )

    def depth(self, source: int, layers: Iterable[int]) -> int:
        """The most affine layers on a way through these layers, which ends at `source`."""
        depths: dict[int, int] = {}
        for i in layers:
            below = [depths.get(j, 0) for j in self.sources[i]]
            depths[i] = max(below, default=0) + (i in self.affine)
        return depths.get(source, 0)

    def closed(self, own: set[int], index: int) -> bool:
        """Whether only these layers and the sum read what these layers compute."""
        inside = own | {index}
        for i, sources in enumerate(self.sources):
            if i not in inside and not own.isdisjoint(sources):
                return False
        return True

    def ends(self, i: int, own: set[int]) -> list[int] | None:
        """The layers of a branch that set the scale of layer i's output; None if none do.

        They are the last affine layers, or a Scale behind a BatchNorm, if there are only
        homogeneous layers behind them. Where the output is read elsewhere too, it cannot be
        scaled.
        """
        layer = self.net.layers[i]
        if i not in own or layer.type == 'Split' or len(self.net.tops[i]) > 1:
            return None
        if i in self.affine:
            return [i]
        if homogeneous(layer):
            ignored = layer.scaling.ignores
            read = [j for k, j in enumerate(self.sources[i]) if k not in ignored]
            below = self.ends_of_all(read, own)
            if below:
                return below
        return [i] if layer.traits.linear_in else None

    def ends_of_all(self, sources: Iterable[int], own: set[int]) -> list[int] | None:
        found: set[int] = set()
        for source in sources:
            ends = self.ends(source, own)
            if ends is None:
                return None
            found.update(ends)
        return sorted(found)


def homogeneous(layer: Layer) -> bool:
    """Whether f(c x) = c f(x) for c > 0; a shift of zeros is none."""
    shift = layer.traits.shift
    if shift is not None:
        return not layer.params[shift].data.any()
    return layer.scaling.kind == 'equal' and not layer.scaling.nearly
