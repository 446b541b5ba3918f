"""Changes of scale that do not change a net's function: a log-scale s per blob, under linear
constraints.

An affine layer allows any change: W *= exp(s_top - s_bottom), b *= exp(s_top). All other layers
declare what they allow (`Scaling` in netlib/layers/traits.py):

    equal       the tops have the scale of the bottoms: they share one s
    product     s_top = degree * (sum of s_bottom)
    free        s_top = 0, for any bottoms
    fixed       s = 0 for bottoms and tops, and also for sources and blobs that no layer reads

Weights that must not change require s_top = s_bottom; nonzero biases that must not change require
s_top = 0. Layers that share weights have the same s_top - s_bottom; those that share a bias have
the same s_top. So Bias layers, and Scale layers with a bias, which initializers do not change, are
'fixed'; so is a 'free' layer that remembers the scale of its bottom (a BatchNorm with
statistics). A PReLU is homogeneous for any slopes. A blob written in place is a new version with
its own s.
"""

from collections import defaultdict
from collections.abc import Collection

from numpy import ndarray

from ...netlib import Net
from ...netlib.blob import Param
from ...netlib.layers import Layer
from ...netlib.layers.shared.affine import Affine
from ..reach import parts
from .linear_forms import ZERO, Form, Unknowns, minus

Uses = dict[Param, list[Form]]
FIXED = 0  # the unknown that is 0


class FreeScales:
    """The log-scales of a net's blobs, as linear functions of a few free numbers.

    chosen: the layers whose weights and biases may change. strict: layers that are homogeneous only
    nearly are fixed.

    free              the number of free numbers
    weights, biases   {owner: a row over the free numbers}: the log-factor of each that may change
    nearly            names of the layers whose declaration holds only approximately
    """

    def __init__(self, net: Net, chosen: Collection[Affine], strict: bool = False):
        self.strict = strict
        self.nearly: list[str] = []
        self.unknowns = Unknowns()
        self.weight_uses: Uses = defaultdict(list)  # each use of W asks for its s_top - s_bottom
        self.bias_uses: Uses = defaultdict(list)  # each use of b for its s_top
        self._wire(net)
        in_both_roles = self.weight_uses.keys() & self.bias_uses.keys()
        movable = movable_params(net, chosen) - in_both_roles
        self._tie_uses(self.weight_uses, movable)
        self._tie_uses(self.bias_uses, movable)
        basis = self.unknowns.solutions()
        self.free = basis.shape[1]
        self.weights = self._rows(self.weight_uses, movable, basis)
        self.biases = self._rows(self.bias_uses, movable, basis)

    def _wire(self, net: Net) -> None:
        """Assign an unknown to every version of every blob, and collect the constraints."""
        current: dict[str, int] = {}
        unread: dict[str, None] = {}  # a set that remembers its order
        for layer, bottom, top in parts(net):
            bottoms = [current[blob.name] for blob in bottom]
            for blob in bottom:
                unread.pop(blob.name, None)
            if isinstance(layer, Affine):
                tops = self._affine(layer, bottoms)
            else:
                tops = [self._other(layer, bottoms)] * len(top)
            for blob, unknown in zip(top, tops, strict=True):
                current[blob.name] = unknown
                unread[blob.name] = None
        outputs: list[Form] = [{current[name]: 1} for name in unread]
        self.unknowns.tie([*outputs, ZERO])

    def _affine(self, layer: Affine, bottoms: list[int]) -> list[int]:
        """Note the uses of W and b; returns the unknowns of the tops."""
        tops = [self.unknowns.new() for _ in bottoms]
        for bottom, top in zip(bottoms, tops, strict=True):
            difference = minus({top: 1}, {bottom: 1})
            self.weight_uses[layer.weight.owner].append(difference)
            if layer.bias and layer.bias.data.any():
                self.bias_uses[layer.bias.owner].append({top: 1})
        return tops

    def _other(self, layer: Layer, bottoms: list[int]) -> int:
        """Constrain the bottoms as the layer requires; returns the unknown of its tops."""
        kind = self._kind(layer, bottoms)
        if kind == 'free':
            return FIXED
        if kind == 'product':
            top = self.unknowns.new()
            row: Form = {top: 1}
            for bottom in bottoms:
                row = minus(row, {bottom: layer.scaling.degree})
            self.unknowns.constraints.append(row)
            return top
        forms: list[Form] = [{bottom: 1} for bottom in bottoms]
        if kind == 'equal':
            self.unknowns.tie(forms)
            return bottoms[0]
        self.unknowns.tie([*forms, ZERO])
        return FIXED

    def _kind(self, layer: Layer, bottoms: list[int]) -> str:
        """The scaling that the layer declares, or 'fixed' if that does not hold."""
        scaling = layer.scaling
        if not bottoms or scaling.kind == 'fixed':
            return 'fixed'
        if scaling.nearly and self.strict:
            return 'fixed'
        if scaling.nearly:
            self.nearly.append(layer.name)
        if scaling.kind == 'free' and any(param.data.any() for param in layer.params):
            return 'fixed'  # it remembers the scale of its bottom
        return scaling.kind

    def _tie_uses(self, uses: Uses, movable: set[Param]) -> None:
        """All uses of a parameter ask for the same change, or for none if it must stay."""
        for param, forms in uses.items():
            stays = [] if param in movable else [ZERO]
            self.unknowns.tie(forms + stays)

    def _rows(self, uses: Uses, movable: set[Param], basis: ndarray) -> dict[Param, ndarray]:
        rows = {}
        for param, forms in uses.items():
            if param in movable:
                (row,) = self.unknowns.matrix(forms[:1])  # they are all alike
                rows[param] = row @ basis
        return rows


def movable_params(net: Net, chosen: Collection[Affine]) -> set[Param]:
    """The owners of weights and biases that may change: those that learn and are used only by
    chosen layers."""
    weights = {layer.weight for layer in chosen}
    allowed: set[Param] = set()
    refused: set[Param] = set()
    for layer in net.layers:
        owners = {param.owner for param in layer.params}
        if isinstance(layer, Affine) and layer.weight.owner in weights:
            learning = {owner for owner in owners if owner.learns}
            allowed |= learning
            refused |= owners - learning
        else:
            refused |= owners
    return allowed - refused
