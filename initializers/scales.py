"""Changes of scale that leave a net's function alone: a log-scale s per blob, under linear
constraints.

An affine layer takes any change: W *= exp(s_top - s_bottom), b *= exp(s_top). What all other layers
permit, they declare (`scaling` and `degree` in netlib/layers/base.py):

    equal       the tops have the scale of the bottoms: they share one s
    product     s_top = degree * (sum of s_bottom)
    free        s_top = 0, whatever the bottoms
    fixed       s = 0 for bottoms and tops; so it is for sources, and for what no layer reads

Weights that must stay ask for s_top = s_bottom, biases that must stay and are not zero for s_top =
0; layers that share weights have one s_top - s_bottom, those that share a bias one s_top. So a Bias
layer, and a Scale layer with a bias, which initializers leave alone, are 'fixed'; so is a 'free'
layer that remembers the scale of its bottom (a BatchNorm with statistics). A PReLU is homogeneous
whatever its slopes. A blob written in place is a new version with an s of its own.
"""

from collections import Counter
from collections.abc import Collection

import numpy as np

from ..netlib import Net
from ..netlib.blob import Param
from ..netlib.layers import Layer
from ..netlib.layers.shared.affine import Affine

ONE = 0  # the variable that stands for log 1 = 0


class Scales:
    """The log-scales of a net's blobs, as linear functions of a few free numbers.

    chosen: the layers whose weights and biases may change. strict: layers that are homogeneous only
    nearly are fixed.

    free              how many free numbers there are
    weights, biases   {owner: a row over the free numbers}: the log-factor of each that may change
    nearly            names of the layers that hold to what they declare only nearly
    """

    def __init__(self, net: Net, chosen: Collection[Layer], strict: bool = False):
        self.chosen, self.strict = set(chosen), strict
        self.count = 1
        self.constraints: list[Counter] = [Counter({ONE: 1})]
        self.uses: dict[Param, list[Counter]] = {}  # each use of W asks for its s_top - s_bottom
        self.shifts: dict[Param, list[Counter]] = {}  # each use of b for its s_top
        self.nearly: list[str] = []
        self._wire(net)
        movable = self._movable(net)
        for uses in (self.uses, self.shifts):
            for param, rows in uses.items():
                self._tie(rows if param in movable else [*rows, Counter()])
        basis = null_space(self._matrix(self.constraints))
        self.free = basis.shape[1]
        self.weights, self.biases = (
            {
                param: self._matrix(rows[:1])[0] @ basis
                for param, rows in uses.items()
                if param in movable
            }
            for uses in (self.uses, self.shifts)
        )

    def _wire(self, net):
        """Give every version of every blob its variable, and gather what the layers ask for."""
        current, unread = {}, set()
        for layer, bottom, top in zip(net.layers, net.bottoms, net.tops, strict=True):
            bottoms = [current[blob.name] for blob in bottom]
            unread -= {blob.name for blob in bottom}
            tops = (
                self._affine(layer, bottoms)
                if isinstance(layer, Affine)
                else self._other(layer, bottoms)
            )
            current.update((blob.name, tops[i % len(tops)]) for i, blob in enumerate(top))
            unread |= {blob.name for blob in top}
        self._tie([Counter({current[name]: 1}) for name in unread] + [Counter()])

    def _affine(self, layer, bottoms):
        tops = [self._variable() for _ in bottoms]
        for bottom, top in zip(bottoms, tops, strict=True):
            difference = Counter({top: 1})
            difference[bottom] -= 1
            self.uses.setdefault(layer.weight.owner, []).append(difference)
            if layer.bias and layer.bias.data.any():
                self.shifts.setdefault(layer.bias.owner, []).append(Counter({top: 1}))
        return tops

    def _other(self, layer, bottoms):
        """Tie the bottoms as the layer asks; returns the variable of its tops, as a list."""
        scaling, nearly = layer.scaling.kind, layer.scaling.nearly
        if nearly and scaling != 'fixed' and not self.strict:
            self.nearly.append(layer.name)
        remembers = scaling == 'free' and any(param.data.any() for param in layer.params)
        if not bottoms or remembers or nearly and self.strict:
            scaling = 'fixed'
        if scaling == 'product':
            top = self._variable()
            row = Counter({top: 1})
            for bottom in bottoms:
                row[bottom] -= layer.scaling.degree
            self.constraints.append(row)
            return [top]
        if scaling != 'free':
            self._tie(
                [Counter({bottom: 1}) for bottom in bottoms] + [Counter()] * (scaling == 'fixed')
            )
        return [bottoms[0] if scaling == 'equal' else ONE]

    def _variable(self):
        self.count += 1
        return self.count - 1

    def _tie(self, rows):
        """Ask for equal values of all rows; an empty row is 0."""
        for row in rows[1:]:
            tied = Counter(rows[0])
            tied.subtract(row)
            self.constraints.append(tied)

    def _movable(self, net):
        """The owners of weights and biases that may change: all users are chosen layers, in one
        role."""
        weights = {layer.weight for layer in self.chosen}
        allowed, refused = set(), self.uses.keys() & self.shifts.keys()
        for layer in net.layers:
            chosen = isinstance(layer, Affine) and layer.weight.owner in weights
            for param in layer.params:
                (allowed if chosen and param.owner.learns else refused).add(param.owner)
        return allowed - refused

    def _matrix(self, rows):
        matrix = np.zeros((len(rows), self.count))
        for i, row in enumerate(rows):
            for variable, factor in row.items():
                matrix[i, variable] = factor
        return matrix


def null_space(matrix: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span {x: matrix x = 0}."""
    _, values, vectors = np.linalg.svd(matrix)
    rank = int((values > 1e-10 * values.max(initial=0)).sum())
    return vectors[rank:].T
